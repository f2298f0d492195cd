"""The recorder in both of its forms, asked by its client: calls, errors, barriers, and its end."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clock import eventually
from harness.errors import HarnessError, UsageError
from harness.history.events import Declaration, Event, Header
from harness.history.journal import Journal
from harness.model import Link, Moment
from harness.recorder.client import Recorder, World
from harness.wire.rules import Rule

HEADER = Header(sandbox="h1", started="2026-01-01T00:00:00+00:00")


def spawn(command, descriptor: int) -> subprocess.Popen[bytes]:
    script = f"import os, sys; os.dup2({descriptor}, 3); os.execv(sys.executable, [sys.executable, *{list(command[1:])!r}])"
    return subprocess.Popen([sys.executable, "-c", script], pass_fds=(descriptor,))


@pytest.fixture(params=["thread", "process"])
def recorder(request: pytest.FixtureRequest) -> Iterator[Recorder]:
    children: list[subprocess.Popen[bytes]] = []
    made = Recorder.start(None if request.param == "thread" else lambda command, fd: children.append(spawn(command, fd)))
    yield made
    made.end()
    for child in children:
        child.wait(60)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def world(recorder: Recorder, journal: Path) -> World:
    return recorder.world(HEADER, journal)


def test_what_is_recorded_stands_in_the_journal_in_order(world: World, journal: Path):
    world.declare(Declaration(what="queue", name="jobs", broker="rabbitmq", key="/id"))
    made = [world.record(Event(kind="attempted", queue="jobs", key=str(n))) for n in range(3)]
    world.close()
    read = [event for event in Journal(journal).events() if event.kind == "attempted"]
    assert [event.n for event in read] == [event.n for event in made] == [2, 3, 4]
    assert [event.t for event in read] == sorted(event.t for event in read)


def test_a_moment_holds_the_event_until_its_callback_is_through(world: World):
    order: list[str] = []
    gate = threading.Event()

    def then(event: Event) -> None:
        gate.wait(60)
        world.record(Event(kind="fault", how="began", fault="f1"))
        order.append(f"callback {event.queue}")

    world.watch(Moment("jobs", "sent"), then)

    def send() -> None:
        world.record(Event(kind="acknowledged", queue="jobs"))
        order.append("sent")

    sender = threading.Thread(target=send)
    sender.start()
    eventually(lambda: world.counts().get("jobs.sent"), awaited="the send", within=60)
    gate.set()
    sender.join(60)
    assert order == ["callback jobs", "sent"]


def test_a_moment_that_is_not_watched_any_more_holds_nothing(world: World):
    came: list[Event] = []
    watch = world.watch(Moment("jobs", "sent"), came.append)
    world.unwatch(watch)
    world.record(Event(kind="acknowledged", queue="jobs"))
    assert came == []


def test_flush_makes_what_was_recorded_readable(world: World, journal: Path):
    world.record(Event(kind="started", service="a"))
    world.flush()
    assert [event.kind for event in Journal(journal).events()] == ["started"]


def test_what_does_not_exist_is_said_by_name(world: World):
    link = Link("a", "nowhere")
    with pytest.raises(UsageError, match="nothing is called 'a->nowhere' here"):
        world.refuse(link)
    with pytest.raises(UsageError, match="there is no kind 'lake'"):
        world.open_resource("tcs", "lake", {})


def test_a_rule_that_a_protocol_cannot_carry_out_is_refused(world: World):
    link = Link("a", "rabbitmq")
    world.open_link(link, "amqp", ("127.0.0.1", 9))
    rule = Rule(id="f1", name="answer_lost", link=str(link), on="Basic.Ack")
    with pytest.raises(UsageError, match=r"Basic\.Ack"):
        world.arm(rule)
    world.disarm("f1")
    with pytest.raises(UsageError, match="shortened on a->rabbitmq: a link to RabbitMQ has no such fault"):
        world.supports(Rule(id="f2", name="shortened", link=str(link)))
    world.supports(Rule(id="f3", name="answer_lost", link=str(link)))


def test_a_world_that_is_closed_takes_no_more_calls(world: World):
    world.close()
    with pytest.raises(UsageError, match="there is no world 'h1': it is closed"):
        world.flush()


def test_a_call_that_nobody_knows_is_an_error(recorder: Recorder, world: World):
    world.flush()
    with pytest.raises(UsageError, match="the recorder has no 'dance'"):
        recorder.call("h1", "dance")


def test_a_recorder_that_is_gone_is_said_to_be(recorder: Recorder, world: World):
    world.flush()
    recorder.end()
    with pytest.raises(HarnessError, match="the recorder is gone: flush of h1"):
        world.flush()
