"""The world of the inbound data writer, with a writer in a container."""

import contextlib
from typing import Any

from harness import History, Sandbox, Service
from harness.engine.daemon import connected
from harness.model import Fault

PLACEMENTS = 20
FIXED = {
    "ON_FAILURE": "retry later",
    "RETRY_QUEUE": "placement-exported.retry",
    "PARKED_QUEUE": "placement-exported.parked",
    "ATTEMPTS": "20",
}


def as_it_was(image: str) -> Service:
    return Service("esr-writer", image=image, environment={"ON_FAILURE": "reject"})


def as_fixed(image: str, *command: str) -> Service:
    return Service("esr-writer", image=image, command=command, environment=FIXED)


class World:
    """Placements to be recorded in TCS by a writer."""

    def __init__(self, sandbox: Sandbox, writer: Service, *, restart_after: float | None = None) -> None:
        self._sandbox = sandbox
        self.tcs = sandbox.http("tcs", key="/placementId")
        self.exported = sandbox.rabbitmq.queue(
            "placement-exported", key="/placementId", effect=self.tcs, dead_letter="placement-exported.dlq"
        )
        sandbox.rabbitmq.queue("placement-exported.retry", key="/placementId", ttl=1, dead_letter="placement-exported")
        sandbox.rabbitmq.queue("placement-exported.parked", key="/placementId", role="parking")
        uses = {"AMQP_URL": sandbox.rabbitmq, "TCS_URL": self.tcs}
        self.writer = sandbox.start(writer, uses=uses, restart_after=restart_after)

    def told(self, *faults: Fault) -> History:
        self._sandbox.inject(*faults)
        self.exported.publish({"placementId": n} for n in range(1, PLACEMENTS + 1))
        return self._sandbox.drain()

    def exits(self, history: History) -> list[tuple[str, int | None]]:
        """Return who ended the writer, and with which status, each time."""
        return [(one.how, one.status) for one in history.events() if one.kind == "exited" and one.service == "esr-writer"]

    def inspected(self) -> dict[str, Any]:
        """Return what docker says of the writer's container."""
        assert self.writer.process is not None
        with contextlib.closing(connected()) as client:
            running = [one.attrs for one in client.containers.list()]
        return next(one for one in running if one["State"]["Pid"] == self.writer.process.pid)

    def environment(self) -> dict[str, str]:
        """Return the variables of the writer's container."""
        return dict(line.split("=", 1) for line in self.inspected()["Config"]["Env"])

    def network(self) -> str:
        """Return the name of the writer's network."""
        (name,) = self.inspected()["NetworkSettings"]["Networks"]
        return str(name)
