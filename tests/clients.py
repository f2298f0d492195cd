"""Real client programs (fixtures/clients), run once straight at the broker and once through a link, and what the taps saw."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness import Sandbox, Service
from harness.history import History
from harness.history.events import Event
from harness.model import Link
from harness.sandbox.things import Usable
from harness.services.build import paths_of
from harness.services.parts import Parts, expand
from harness.stack.cache import folder as cache_folder
from tests.sandboxes import Tell

FOLDER = Path(__file__).parents[1] / "fixtures" / "clients"
SEEN_TWICE = ("attempted", "acknowledged", "refused", "returned", "delivered", "settled", "confirmed", "answered", "subscribed")
"""What passes both taps of a link."""

OK = 200
"""AMQP's code of an orderly close."""

Outcome = dict[str, Any]
World = Callable[[Sandbox], Mapping[str, Usable]]
"""Declares what a client uses, and says in which environment variables the client looks for that."""


@dataclass(frozen=True)
class Tried:
    """One client, direct and through the link."""

    direct: list[Outcome]
    through: list[Outcome]
    events: list[Event]

    def of(self, *kinds: str, at: str = "far") -> list[Event]:
        return [event for event in self.events if event.kind in kinds and event.at == at]

    def seen(self, at: str) -> Counter[tuple[object, ...]]:
        """What this tap saw pass, in any order: two directions are two streams."""
        return Counter(map(_passed, self.of(*SEEN_TWICE, at=at)))

    def receives(self) -> dict[str, int]:
        """How often each message was handed out, as the far tap saw it."""
        return dict(Counter(event.key for event in self.of("delivered")))

    def residue(self) -> dict[str, int | None]:
        """What was left in the queues, with the broker's own count of receives."""
        return {event.key: event.count for event in self.events if event.kind == "residue"}

    def outcome(self, step: str) -> Any:
        """What came of this step, through the link."""
        return next(each["outcome"] for each in self.through if each["step"] == step)


def _passed(event: Event) -> tuple[object, ...]:
    names = (event.kind, event.wire, event.queue, event.key, event.mid, event.tag, event.how, event.digest)
    return (*names, event.conn, event.x, event.ok, event.status, event.delay, event.count, event.redelivered)


def client(name: str, *overlays: str) -> Service:
    """The client's program in this version and variant."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_SERVICES", str(FOLDER))
        return Service.named(name)[overlays]


def tried(tell: Tell, service: Service, world: World) -> Tried:
    """Run the client in two equal worlds: in one it reaches the broker itself, in the other through a link."""
    with tell("direct") as beside, tell("through") as sandbox, ThreadPoolExecutor(2) as pool:
        straight = {name: thing.parts(own_port(beside, thing)) for name, thing in world(beside).items()}
        linked = {name: thing.parts(link_port(thing)) for name, thing in world(sandbox).items()}
        direct, through = pool.map(lambda wired: ran(service, wired), (straight, linked))
        sandbox.finish()
    return Tried(direct, through, list(History(sandbox.history.path).events()))


def own_port(sandbox: Sandbox, thing: Usable) -> int:
    """Where the broker itself listens: the way around the link, which no scenario needs."""
    stack = sandbox._context.stack  # noqa: SLF001
    return (stack.localstack if thing.road is sandbox.aws else stack.rabbitmq).port


def link_port(thing: Usable) -> int:
    """Where the link to this thing listens."""
    return thing.reach(Link("client", thing.road.thing_name))


def ran(service: Service, wired: Mapping[str, Parts]) -> list[Outcome]:
    """Run the program to its end and return what it printed, one JSON a line."""
    launch = expand(service, wired, paths_of(service, cache_folder()))
    done = subprocess.run(
        launch.command, env=launch.environment, cwd=launch.cwd, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def no_difference(one: Tried) -> None:
    """Hold that the client noticed nothing, and that both taps saw the same, without a gap."""
    assert one.through == one.direct != []
    assert one.seen("near") == one.seen("far") != {}
    assert [event for event in one.events if event.kind == "gap"] == []


# What every SQS client of fixtures/clients/sqs-* does: three messages, of which A is delivered twice and kept, in fourteen calls.


def jobs_on_sqs(sandbox: Sandbox) -> Mapping[str, Usable]:
    return {"AWS_ENDPOINT_URL": sandbox.aws, "QUEUE_URL": sandbox.aws.queue("jobs", key="/id")}


def errand_was_seen(one: Tried) -> None:
    """Hold that every call of the client passed the link, and that the broker counts the receives that the taps saw."""
    assert len(one.of("answered")) == one.outcome("calls") == 14
    assert one.receives() == {"A": 2, "B": 1, "C": 1}
    assert one.residue() == {"A": 2}
    assert [(event.key, event.wire) for event in one.of("acknowledged")] == [
        ("A", "SendMessage"), ("B", "SendMessageBatch"), ("C", "SendMessageBatch"),
    ]  # fmt: skip
    assert [(event.key, event.how, event.delay) for event in one.of("settled") if event.key] == [
        ("A", "visibility", 0.0), ("B", "visibility", 25.0), ("C", "visibility", 25.0),
        ("B", "delete", None), ("C", "delete", None),
    ]  # fmt: skip
    assert [event.status for event in one.of("refused")] == [400]


def jobs_on_rabbitmq(sandbox: Sandbox) -> Mapping[str, Usable]:
    return {"AMQP_URL": sandbox.rabbitmq, "QUEUE": sandbox.rabbitmq.queue("jobs", key="/id")}


def rounds_were_seen(one: Tried, kept: str) -> None:
    """Hold what every AMQP client does: A and B come back, C passes at once, `kept` is not settled when the connection ends."""
    settled = [(event.key, event.how) for event in one.of("settled") if event.key in ("A", "B", "C")]
    assert sorted(settled) == [("A", "ack"), ("A", "requeue"), ("B", "ack"), ("B", "requeue"), ("C", "ack")]
    assert {key: one.receives()[key] for key in "AB"} == {"A": 2, "B": 2}
    assert set(one.residue()) == {kept}
    assert {event.size > 300_000 for event in one.of("delivered") if event.key == "B"} == {True}


def closes(one: Tried) -> list[int | None]:
    """The codes with which the broker closed channels."""
    return [event.status for event in one.of("closed") if event.wire == "Channel.Close" and event.status != OK]
