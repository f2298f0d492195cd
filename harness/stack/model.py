"""A stack as a value: where its three servers listen, and who may log in. Nothing is started or connected to here."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, cast

from harness.address import Address

LOCALSTACK, RABBITMQ, MANAGEMENT, TOXIPROXY = (
    "HARNESS_LOCALSTACK_ADDRESS",
    "HARNESS_RABBITMQ_URL",
    "HARNESS_RABBITMQ_MANAGEMENT_ADDRESS",
    "HARNESS_TOXIPROXY_ADDRESS",
)
"""The environment variables that name an external stack."""


ToxiproxyKind = Literal["server", "embedded"]


@dataclass(frozen=True)
class Stack:
    """LocalStack, RabbitMQ with its management, and Toxiproxy, as they can be reached from this machine.

    `versions` has the keys localstack, rabbitmq and toxiproxy, as the servers say them. Time passes `speed` times faster for the
    two brokers, and for each process that is started with the variables of `clock`.
    """

    kind: Literal["native", "containers", "external"]
    localstack: Address
    rabbitmq: Address
    management: Address
    toxiproxy: Address
    user: str
    password: str
    versions: Mapping[str, str]
    speed: int = 1
    clock: Mapping[str, str] = field(default_factory=dict)
    toxiproxy_kind: ToxiproxyKind = "server"
    """Whether Toxiproxy is the original server, or the harness's own, which says the version that it is compatible with."""
    toxiproxy_in_recorder: bool = False
    """Whether each run has its Toxiproxy in the loop of its recorder, beside the taps; nothing listens at `toxiproxy` then."""

    def environment(self) -> dict[str, str]:
        """Return the variables by which another process attaches to this stack."""
        return {
            LOCALSTACK: str(self.localstack),
            RABBITMQ: f"amqp://{self.user}:{self.password}@{self.rabbitmq}",
            MANAGEMENT: str(self.management),
            TOXIPROXY: str(self.toxiproxy),
        }

    def to_json(self) -> dict[str, object]:
        """Return plain data; `from_json` makes an equal value of it."""
        return {name: str(value) if isinstance(value := getattr(self, name), Address) else value for name in asdict(self)}

    @staticmethod
    def from_json(data: Mapping[str, object]) -> "Stack":
        """Make the stack that `to_json` wrote; raises KeyError, TypeError or ValueError for what it cannot have written."""
        addresses = {name: Address.parse(str(data[name])) for name in ("localstack", "rabbitmq", "management", "toxiproxy")}
        versions = data["versions"]
        if not isinstance(versions, Mapping):
            message = "versions is not an object"
            raise TypeError(message)
        return Stack(
            kind=cast("Literal['native', 'containers', 'external']", str(data["kind"])),
            **addresses,
            user=str(data["user"]),
            password=str(data["password"]),
            versions={str(name): str(version) for name, version in versions.items()},
            speed=int(str(data.get("speed", 1))),
            clock=_texts(data.get("clock", {})),
            toxiproxy_kind=cast("ToxiproxyKind", str(data.get("toxiproxy_kind", "server"))),
            toxiproxy_in_recorder=bool(data.get("toxiproxy_in_recorder", False)),
        )


def _texts(data: object) -> dict[str, str]:
    return {str(name): str(value) for name, value in data.items()} if isinstance(data, Mapping) else {}
