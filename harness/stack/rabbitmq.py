"""RabbitMQ with its management plugin, as a part of a native stack: the emulator itself, without start script or epmd."""

from collections.abc import Mapping
from pathlib import Path

from harness.address import LOOPBACK, Address
from harness.stack import probe
from harness.stack.part import Part, private
from harness.stack.tools import Tools

USER = PASSWORD = "guest"  # noqa: S105 (RabbitMQ's own default, accepted from loopback only)
# As RabbitMQ's own start script gives them, without its epmd and with the distribution on loopback.
EMULATOR = (
    "-noinput -start_epmd false -epmd_module noepmd -s rabbit boot -boot start_sasl +W w "
    "+MBas ageffcbf +MHas ageffcbf +MBlmbcs 512 +MHlmbcs 512 +MMmcs 30 +pc unicode +P 1048576 +t 5000000 +zdbbl 128000 "
    "+sbwt none +sbwtdcpu none +sbwtdio none +B i -syslog logger [] -syslog syslog_error_logger false "
    "-kernel prevent_overlapping_partitions false -kernel inet_dist_use_interface {127,0,0,1}"
)
HANDSHAKE = 10_000  # ms, RabbitMQ's own
# "localhost" is looked up in this file only: where /etc/hosts lacks it, DNS takes 15 s to say so.
INETRC = '{lookup, [file]}.\n{host, {127,0,0,1}, ["localhost"]}.\n'


def rabbitmq(tools: Tools, folder: Path, ports: Mapping[str, int], *, speed: float = 1) -> Part:
    """Return RabbitMQ with its management plugin and without epmd; writes its configuration below `folder`.

    However fast its clock runs, clients have ten seconds of this machine for their handshake: they are not quicker for it.
    """
    home, amqp, management = tools.rabbitmq_home, ports["rabbitmq"], ports["management"]
    _configure(folder, amqp, management, speed)
    (binaries,) = sorted(tools.erlang_root.glob("erts-*/bin"))[-1:]
    distribution = str(ports["distribution"])
    more = ("-erl_epmd_port", distribution, "-pa", str(tools.noepmd), "-kernel", "inetrc", f'"{folder}/inetrc"')
    emulator = {"ROOTDIR": str(tools.erlang_root), "BINDIR": str(binaries), "EMU": "beam", "PROGNAME": "erl"}
    limits = {"ERL_MAX_ETS_TABLES": "50000", "ERL_MAX_PORTS": "65536", "ERL_CRASH_DUMP_SECONDS": "0"}
    own = {"ERL_LIBS": f"{home}/plugins", "SYS_PREFIX": ""}
    return Part(
        name="RabbitMQ",
        command=(str(binaries / "erlexec"), *EMULATOR.split(), *more),
        environment={**private(folder), **emulator, **limits, **_settings(folder, home, distribution), **own},
        ports=(amqp, management),
        version=lambda: _rabbitmq_version(Address(LOOPBACK, amqp), Address(LOOPBACK, management)),
        mend="`harness doctor` shows which RabbitMQ and Erlang are used; a release needs the Erlang it was built for",
    )


def _settings(folder: Path, home: Path, distribution: str) -> Mapping[str, str]:
    """Return the RABBITMQ_* variables: every file the node reads or writes lies below `folder`."""
    files = {
        "CONF_ENV_FILE": "/dev/null",
        "CONFIG_FILE": f"{folder}/rabbitmq",
        "ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
        "ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
        "FEATURE_FLAGS_FILE": f"{folder}/feature_flags",
        "GENERATED_CONFIG_DIR": f"{folder}/generated",
        "LOG": "-color",
        "LOG_BASE": f"{folder}/log",
        "MNESIA_BASE": f"{folder}/data",
        "PLUGINS_DIR": f"{home}/plugins",
        "PLUGINS_EXPAND_DIR": f"{folder}/plugins",
        "HOME": str(home),
        "NODENAME": "rabbit@localhost",
        "DIST_PORT": distribution,
    }
    return {f"RABBITMQ_{name}": value for name, value in files.items()}


def _configure(folder: Path, amqp: int, management: int, speed: float) -> None:
    (folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
    (folder / "inetrc").write_text(INETRC)
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = {LOOPBACK}:{amqp}\n"
        f"management.tcp.ip = {LOOPBACK}\n"
        f"management.tcp.port = {management}\n"
        f"handshake_timeout = {HANDSHAKE * speed:.0f}\n"
        "log.console = true\n"
        "log.file = false\n"
    )


def _rabbitmq_version(amqp: Address, management: Address) -> str:
    probe.amqp(amqp)
    return probe.management(management, USER, PASSWORD)
