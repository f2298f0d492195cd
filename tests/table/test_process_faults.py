"""Every process fault of services and brokers, with real consumers and clients: what each side saw, and the bite."""

import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pika
import pytest

from harness import History, Sandbox, Service
from harness.checks import accounted
from harness.errors import HarnessError, UsageError
from harness.faults import bandwidth, kill, pause
from harness.history.events import Event
from harness.model import Fault, Moment
from harness.sandbox.instances import Instance
from harness.sandbox.resources import Http as Resource
from tests.sandboxes import Tell
from tests.table.worlds import Amqp, Sqs, soon

PROGRAMS = Path(__file__).parents[2] / "fixtures" / "programs"
WIRES = ("amqp", "sqs")


class Work(NamedTuple):
    """A consumer with one message, which it posts to a resource and then settles."""

    service: Instance
    tcs: Resource
    delivered: Moment
    publish: Callable[[], None]


def working(sandbox: Sandbox, wire: str) -> Work:
    tcs = sandbox.http("tcs", key="/id")
    broker = sandbox.rabbitmq if wire == "amqp" else sandbox.aws
    more: Any = {} if wire == "amqp" else {"visibility_timeout": 3}
    jobs = broker.queue("jobs", key="/id", effect=tcs, **more)
    addresses: Any = {"AMQP_URL": broker} if wire == "amqp" else {"AWS_ENDPOINT_URL": broker, "QUEUE_URL": jobs}
    program = PROGRAMS / f"scripted_{'rabbit' if wire == 'amqp' else 'sqs'}.py"
    consumer = Service("consumer", command=[sys.executable, str(program)])
    service = sandbox.start(consumer, uses={**addresses, "TCS_URL": tcs}, environment={"QUEUES": "jobs"})
    body = {"id": "a", "do": ["post ack" if wire == "amqp" else "post delete"]}
    return Work(service, tcs, jobs.delivered(), lambda: jobs.publish([body]))


def told(tell: Tell, wire: str, fault: Callable[[Work], Fault]) -> History:
    with tell(f"processes on {wire}") as sandbox:
        work = working(sandbox, wire)
        sandbox.inject(fault(work))
        work.publish()
        return sandbox.drain()


def bites(history: History) -> list[int]:
    return [one.bites for one in history.ledger().world.faults.values()]


def first(history: History, kind: str, at: str, **more: object) -> Event:
    """Return the first such event; StopIteration where there is none."""
    fits = (one for one in history.events() if (one.kind, one.at) == (kind, at))
    return next(one for one in fits if all(getattr(one, name) == value for name, value in more.items()))


def exits(history: History) -> list[int | None]:
    """Return the exits before the end, when everything is killed."""
    return [status for _, _, _, status in history.ledger().world.service("consumer").exits]


def count(history: History, kind: str, at: str) -> int:
    return sum((one.kind, one.at, one.key) == (kind, at, "a") for one in history.events())


@pytest.mark.parametrize("wire", WIRES)
def test_a_service_that_is_killed_in_the_middle_has_changed_the_world_and_settled_nothing(tell: Tell, wire: str):
    history = told(tell, wire, lambda work: kill(work.service, begins=work.tcs.effected(), lasts=0.2))
    assert exits(history) == [-9]
    assert bites(history) == [1]
    assert (count(history, "requested", "near"), count(history, "effected", "resource")) == (2, 2)
    assert (count(history, "answered", "near"), count(history, "settled", "near")) == (1, 1)
    assert count(history, "delivered", "near") == 2


@pytest.mark.parametrize("wire", WIRES)
def test_a_service_that_is_asked_to_end_and_does_not_care_ends_there(tell: Tell, wire: str):
    history = told(tell, wire, lambda work: kill(work.service, signal="TERM", begins=work.delivered, lasts=0.5))
    assert exits(history) == [-15]
    assert bites(history) == [1]
    assert count(history, "effected", "resource") in {1, 2}  # it may get that far before it is told
    assert accounted(history).conclusion == "kept"


@pytest.mark.parametrize("wire", WIRES)
def test_a_service_that_stands_still_goes_on_where_it_stood(tell: Tell, wire: str):
    history = told(tell, wire, lambda work: pause(work.service, begins=work.tcs.effected(), lasts=0.7))
    began = first(history, "fault", "harness", how="began")
    settled = first(history, "settled", "near")
    assert exits(history) == []
    assert 0.6 < settled.t - began.t < 60
    assert (count(history, "effected", "resource"), count(history, "delivered", "near")) == (1, 1)
    assert bites(history) == [2]  # its message, and the answer that it waited for
    assert accounted(history).conclusion == "kept"


@pytest.mark.parametrize("fault", [kill, pause])
def test_a_process_fault_that_meets_nobody_at_work_is_vacuous(tell: Tell, fault: Callable[..., Fault]):
    with tell("idle") as sandbox:
        work = working(sandbox, "amqp")
        work.publish()
        sandbox.drain()
        sandbox.inject(fault(work.service, lasts=0.1))
        history = sandbox.drain()
        verdict = accounted(history)
    assert bites(history) == [0]
    assert "did not bite: " in verdict.sentence


@pytest.mark.parametrize("name", ["aws", "rabbitmq"])
def test_a_broker_that_others_use_is_not_killed(sandbox: Sandbox, name: str):
    with pytest.raises(UsageError, match=rf"other tests use {name}, too; .*scenario\(\.\.\., alone=\('{name}',\)\)"):
        sandbox.inject(kill(getattr(sandbox, name)))


@pytest.fixture(scope="module")
def after(tell: Tell) -> Iterator[Mapping[str, object]]:
    """What was seen of two brokers that died and came back: both at once, because it takes seconds."""
    with tell("brokers", alone=("rabbitmq", "aws")) as sandbox:
        amqp, sqs = Amqp(sandbox), Sqs(sandbox)
        channel = amqp.held("held").channel()
        channel.confirm_delivery()
        channel.queue_declare("not-durable")
        channel.basic_publish("", amqp.queue_name, b'{"id":"transient"}')
        channel.basic_publish("", amqp.queue_name, b'{"id":"persistent"}', pika.BasicProperties(delivery_mode=2))
        sqs.call("before")
        sqs.inject(bandwidth(sqs.link, 1000))
        said: list[str] = []
        caller = threading.Thread(target=lambda: said.append(sqs.call("slow")))
        caller.start()
        soon(lambda: sqs.seen("near", "slow"), "a call that is on its way")
        faults = [sqs.inject(kill(sandbox.aws), "f2"), amqp.inject(kill(sandbox.rabbitmq), "f3")]
        caller.join()
        said += [sqs.call("again"), amqp.connect()]
        drained = sandbox.drain(within=0.5).path
        sandbox.heal()
        soon(lambda: amqp.connect() == "connected", "RabbitMQ on the port it had", within=60)
        queues = sandbox.aws.call("list_queues").get("QueueUrls", [])
        left, not_durable = amqp.left_in(amqp.queue_name), [amqp.declared(name) for name in ("not-durable", amqp.queue_name)]
        found = {"said": said, "queues": queues, "left": left, "not durable": not_durable, "bites": list(map(amqp.bites, faults))}
        events = list(History(drained).events())
        ends = sorted((one.service, one.at, one.how) for one in events if one.kind in {"exited", "started"})
        with pytest.raises(HarnessError, match=r"rabbitmq is no service that could be paused; .* there is timeout") as paused:
            sandbox.inject(pause("rabbitmq"))
        yield {**found, "exits": ends, "paused": paused.type}
        sandbox.end()
        amqp.close()


def test_the_link_to_a_dead_broker_refuses_and_cuts(after: Mapping[str, object]):
    assert after["said"] == ["ConnectionClosedError", "EndpointConnectionError", "AMQPConnectionError"]
    assert after["bites"] == [1, 1]
    assert after["exits"] == [
        (name, "broker", how) for name in ("aws", "rabbitmq") for how in ("", "harness")
    ]  # fmt: skip


def test_what_rabbitmq_keeps_over_its_death(after: Mapping[str, object]):
    assert after["left"] == [("held", True), ("persistent", True)]
    assert after["not durable"] == ["ChannelClosedByBroker", "there"]


def test_localstack_keeps_nothing(after: Mapping[str, object]):
    assert after["queues"] == []


def test_a_broker_is_not_paused(after: Mapping[str, object]):
    assert after["paused"] is HarnessError
