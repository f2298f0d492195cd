"""Everything a native stack is started from, found or fetched side by side; nothing is started here."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from harness.clock import now
from harness.errors import StackError
from harness.stack import provision_databases, provision_faketime, provision_localstack, provision_rabbitmq, provision_toxiproxy
from harness.stack.cache import Progress, folder
from harness.stack.found import Component, Program
from harness.stack.tools import Tools
from harness.toxiproxy.embedded.api import VERSION

T = TypeVar("T")


def silent(line: str) -> None:
    """Show no progress."""


def inspect() -> list[Component]:
    """Return what there is of the three, without making anything."""
    return [provision_localstack.inspected(), provision_rabbitmq.inspected(), provision_toxiproxy.inspected()]


def inspect_optional() -> list[Component]:
    """Return what there is of libfaketime, other series of RabbitMQ, and databases: each is made when a run asks for it."""
    inspected = (provision_rabbitmq.inspected(series) for series in provision_rabbitmq.SUITES)
    series = [replace(one, needed=False, mend=one.mend and "made when --harness-rabbitmq asks for it") for one in inspected]
    return [provision_faketime.inspected(), *series, *map(provision_databases.inspected, provision_databases.KINDS)]


def provisioned(progress: Progress = silent, *, rabbitmq_series: str | None = None, toxiproxy: str = "auto") -> Tools:
    """Return the programs of a native stack, after provisioning what is missing; RabbitMQ of the series (4.3) if one is given.

    Which `toxiproxy`: the original `server`; the `embedded` one, for which nothing is needed; `auto`: the original, or the
    embedded where that cannot be had.

    The three go on side by side; the first that cannot be had is the StackError, when the others have come to their end, so that
    a second try has less to do. `progress` hears one line at a time, from several threads.
    """
    folder()
    with ThreadPoolExecutor(max_workers=3) as pool:
        localstack = pool.submit(_told, "localstack", provision_localstack.provided, progress)
        rabbitmq = pool.submit(_told, "rabbitmq", lambda tell: provision_rabbitmq.provided(tell, rabbitmq_series), progress)
        proxied = pool.submit(toxiproxy_server, toxiproxy, progress)
    server, proxy, python = rabbitmq.result(), proxied.result(), localstack.result()
    return Tools(
        localstack_python=python.path,
        rabbitmq_home=server.home,
        erlang_root=server.erlang_root,
        noepmd=server.noepmd,
        toxiproxy=proxy.path if proxy else Path(sys.executable),
        embedded=proxy is None,
        versions={"localstack": python.version, "rabbitmq": server.version, "toxiproxy": proxy.version if proxy else VERSION},
    )


def toxiproxy_server(wanted: str, progress: Progress) -> Program | None:
    """Return the original Toxiproxy server, provisioned if it was missing; None where the embedded one is to be used."""
    if wanted == "embedded":
        return None
    try:
        return _told("toxiproxy", provision_toxiproxy.provided, progress)
    except StackError as error:
        if wanted == "server":
            raise
        progress(f"toxiproxy: the embedded one is used, because the original cannot be had: {error}")
        return None


def _told(name: str, provide: Callable[[Progress], T], progress: Progress) -> T:
    """Provide one, with its name before each of its lines and how long it took at the end, if it had anything to say."""
    began, lines = now(), 0

    def tell(line: str) -> None:
        nonlocal lines
        lines += 1
        progress(f"{name}: {line}")

    provided = provide(tell)
    if lines:
        progress(f"{name}: ready after {now() - began:.1f} s")
    return provided
