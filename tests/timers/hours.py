"""Timers of RabbitMQ that take minutes on a clock twenty times faster: its consumer timeout, and heartbeats that fail to come."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from harness import Sandbox, Service
from harness.clock import eventually
from harness.faults import half_open
from harness.history.journal import Journal
from harness.model import Link
from tests.timers.consumers import KEY, Start, to_broker
from tests.timers.worlds import Events, sends

PROGRAM = Path(__file__).parents[2] / "fixtures" / "programs" / "scripted_rabbit.py"
HOLDER = Service("holder", command=[sys.executable, str(PROGRAM)])
HEARTBEAT = 60.0
"""What RabbitMQ proposes, and every client takes."""
ENDS = {"far": "target", "near": "service"}
"""Which end of a connection hangs up where."""


def held(sandbox: Sandbox, rounds: int, *, really: float) -> None:
    """A consumer takes so many messages, on a connection each, and never settles them, until the broker closes its channels."""
    queues = [sandbox.rabbitmq.queue(f"held-{number}", key="/id") for number in range(1, rounds + 1)]
    names = ",".join(one.thing_name for one in queues)
    sandbox.start(HOLDER, uses={"AMQP_URL": sandbox.rabbitmq}, environment={"QUEUES": names})
    for queue in queues:
        queue.publish([{"id": queue.thing_name, "do": ["drop"]}])
    _seen(sandbox, lambda events: len(list(closed(events))) == rounds, really)


def closed(events: Events) -> Iterator[float]:
    """Yield how long each message was held until its channel was closed."""
    sent = {key: begun for queue in {one.queue for one in events} for key, begun in sends(events, queue)}
    held = {one.conn: one.key for one in events if (one.kind, one.at, one.redelivered) == ("delivered", "far", False)}
    for one in events:
        if (one.kind, one.at, one.wire) == ("closed", "far", "Channel.Close") and one.conn in held:
            yield one.t - sent[held.pop(one.conn)]


def silent(sandbox: Sandbox, consumers: Mapping[str, Start], rounds: int, *, really: float) -> None:
    """Each consumer's connection goes dead as soon as it consumes, so many times; both ends hang up by themselves."""
    cut: Counter[Link] = Counter()
    for name, start in consumers.items():
        start(sandbox, sandbox.rabbitmq.queue(name, key=KEY))
        cut[to_broker(name)] += 1
        sandbox.inject(half_open(to_broker(name)))

    def over(events: Events) -> bool:
        for link in cut:
            if cut[link] < min(rounds, _subscribed(events, link)):
                cut[link] += 1
                sandbox.inject(half_open(link))
        return all(len(list(gave_up(events, link, end))) >= rounds for link in cut for end in ENDS)

    _seen(sandbox, over, really)


def _subscribed(events: Events, link: Link) -> int:
    return sum(1 for one in events if (one.kind, one.at, one.link) == ("subscribed", "far", str(link)))


def gave_up(events: Events, link: Link, at: str) -> Iterator[float]:
    """Yield how old each dead connection of a link became before that end of it hung up, by itself.

    Both ends look once a heartbeat, counted from their handshake; so one that went dead later than that is left out.
    """
    opened: dict[int, float] = {}
    dead: dict[int, float] = {}
    for one in events:
        if one.kind == "fault" and one.how == "began" and (one.data or {}).get("link") == str(link):
            dead |= {conn: begun for conn, begun in opened.items() if one.t - begun < HEARTBEAT}
            opened.clear()
        if (one.at, one.link) != (at, str(link)) or (one.data or {}).get("channel"):
            continue
        if one.kind == "opened":
            opened[one.conn] = one.t
        elif one.kind == "closed" and one.conn in dead and (one.data or {}).get("by") == ENDS[at]:
            yield one.t - dead.pop(one.conn)


def _seen(sandbox: Sandbox, look: Callable[[Events], bool], really: float) -> None:
    """Wait until the journal shows it, for so many seconds of the machine."""
    journal = sandbox.history.path
    eventually(lambda: look(list(Journal(journal).events())), awaited="the end of the timers", within=really, every=0.2)
