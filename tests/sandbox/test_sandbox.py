"""A scenario's world from the outside: services wired and awaited, faults, moments, the drain and what is left afterwards."""

import sys
from pathlib import Path

import pytest

from harness.clock import eventually
from harness.errors import HarnessError, StackLostError, StartError, TimedOutError, UsageError
from harness.faults import kill, latency, outage
from harness.history import History
from harness.model import Link, Moment
from harness.sandbox.instances import Instance
from harness.sandbox.sandbox import Sandbox
from harness.services.service import Service

PROGRAM = Path(__file__).parents[2] / "fixtures" / "programs" / "worker.py"
WORKER = Service("worker", command=[sys.executable, str(PROGRAM)])
SPEAKER = Service("speaker", command=[sys.executable, "-c", "print('no such setting: COLOUR'); raise SystemExit(3)"])


def working(sandbox: Sandbox, **environment: str) -> tuple[Instance, History | None]:
    tcs = sandbox.http("tcs", key="/id")
    sandbox.rabbitmq.queue("jobs", key="/id", effect=tcs)
    uses = {"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs}
    return sandbox.start(WORKER, uses=uses, environment=environment), None


def kinds(history: History) -> list[str]:
    return [f"{event.kind} {event.how}".strip() for event in history.events()]


def publish(sandbox: Sandbox, count: int) -> None:
    jobs = sandbox._context.things["jobs"]  # noqa: SLF001 (kept from `working`)
    jobs.publish({"id": n} for n in range(1, count + 1))  # type: ignore[attr-defined]


def test_a_quiet_world_is_drained_and_its_services_are_gone(sandbox: Sandbox):
    worker, _ = working(sandbox)
    publish(sandbox, 3)
    history = sandbox.drain()
    drained, seen = history.drained, kinds(history)
    assert drained
    assert seen.count("effected") == 3
    assert "drained quiet" in seen
    assert worker.process is not None
    assert worker.process.status == -9
    assert worker.exit_of_its_own is None
    assert worker.ready_after is not None
    with pytest.raises(UsageError, match="this sandbox's history is closed"):
        sandbox.drain()


def test_a_world_that_stays_busy_is_not_drained_and_says_why(sandbox: Sandbox):
    working(sandbox, SECONDS="30")
    publish(sandbox, 1)
    history = sandbox.drain(within=5)
    outcome = sandbox.end().outcome
    assert not history.drained
    assert outcome is not None
    assert (outcome.how, "1 delivery(ies) of jobs not settled" in outcome.reason) == ("no", True)


def test_silence_can_be_asked_for(sandbox: Sandbox):
    working(sandbox)
    publish(sandbox, 1)
    history = sandbox.drain(quiet=0.2)
    assert history.drained


def test_a_service_that_dies_at_start_is_reported_with_its_last_words(sandbox: Sandbox):
    sandbox.start(SPEAKER, uses={"AMQP_URL": sandbox.rabbitmq})
    with pytest.raises(StartError, match=r"(?s)speaker ended before it was ready, with exit status 3.*no such setting: COLOUR"):
        sandbox.drain()


def test_a_service_that_never_shows_itself_is_reported_with_what_was_awaited(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("harness.sandbox.instances.READY_WITHIN", 0.5)
    silent = Service("silent", command=[sys.executable, "-c", "import sys; sys.stdin.read(); import signal; signal.pause()"])
    sandbox.start(silent, uses={"AMQP_URL": sandbox.rabbitmq})
    with pytest.raises(StartError, match=r"a Basic\.Consume or ReceiveMessage on silent->rabbitmq did not come"):
        sandbox.drain()


def test_a_service_without_links_is_told_why_it_cannot_get_ready(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("harness.sandbox.instances.READY_WITHIN", 0.2)
    sandbox.start(Service("alone", command=[sys.executable, "-c", "import signal; signal.pause()"]), uses={})
    with pytest.raises(StartError, match=r"no link: uses=\{\} is empty"):
        sandbox.drain()


def test_two_services_of_one_name_are_told_apart(sandbox: Sandbox):
    first = sandbox.start(WORKER, uses={"AMQP_URL": sandbox.rabbitmq}, name=None)
    second = sandbox.start(WORKER, uses={"AMQP_URL": sandbox.rabbitmq})
    third = sandbox.start(WORKER, uses={"AMQP_URL": sandbox.rabbitmq}, name="other")
    assert [one.thing_name for one in (first, second, third)] == ["worker", "worker-2", "other"]
    assert sandbox.instances == (first, second, third)


def test_a_link_is_named_after_its_ends_and_queues_share_their_brokers(sandbox: Sandbox):
    jobs = sandbox.rabbitmq.queue("jobs")
    mails = sandbox.aws.queue("mails")
    tcs = sandbox.http("tcs")
    uses = {"AMQP_URL": sandbox.rabbitmq, "QUEUE": jobs, "MAILS_URL": mails}
    worker = sandbox.start(WORKER, uses=uses)
    assert [str(worker.link(thing)) for thing in (jobs, sandbox.rabbitmq, mails)] == [
        "worker->rabbitmq",
        "worker->rabbitmq",
        "worker->aws",
    ]
    with pytest.raises(UsageError, match="worker does not use 'tcs'; its links are: worker->aws, worker->rabbitmq"):
        worker.link(tcs)
    with pytest.raises(UsageError, match="a service cannot be wired to another service yet"):
        sandbox.start(WORKER, uses={"WORKER": worker})


def test_a_killed_service_comes_back_and_finishes(sandbox: Sandbox):
    worker, _ = working(sandbox, SECONDS="0.05")
    tcs = sandbox._context.things["tcs"]  # noqa: SLF001 (kept from `working`)
    sandbox.inject(kill(worker, begins=tcs.effected(2), lasts=0.3))  # type: ignore[attr-defined]
    publish(sandbox, 4)
    history = sandbox.drain()
    seen = kinds(history)
    assert seen.count("started") == 2
    assert "exited harness" in seen
    assert seen.count("settled ack") >= 8
    assert history.drained


def test_a_terminated_service_may_finish_what_it_does(sandbox: Sandbox):
    worker, _ = working(sandbox)
    publish(sandbox, 1)
    sandbox.until(Moment("jobs", "settled"), within=60)
    sandbox.inject(kill(worker, signal="TERM"))
    eventually(lambda: worker.process is not None and worker.process.status is not None, awaited="its exit", within=60)
    history = sandbox.drain()
    assert "exited harness" in kinds(history)


def test_latency_is_put_on_the_link_and_taken_away(sandbox: Sandbox):
    worker, _ = working(sandbox)
    tcs = sandbox._context.things["tcs"]  # noqa: SLF001 (kept from `working`)
    sandbox.inject(latency(worker.link(tcs), 0.2))
    publish(sandbox, 2)
    sandbox.until(Moment("jobs", "settled", 2), within=60)
    sandbox.heal()
    history = sandbox.drain()
    faults = history.ledger().world.faults.values()
    assert [(one.name, one.bites, one.ended is not None) for one in faults] == [("latency", 2, True)]


def test_a_cause_that_does_not_come_is_said_with_what_was_seen(sandbox: Sandbox):
    working(sandbox)
    publish(sandbox, 1)
    with pytest.raises(TimedOutError, match=r"waited 0\.3 s for jobs sent \(5\); last saw .*'jobs\.sent': 1"):
        sandbox.until(Moment("jobs", "sent", 5), within=0.3)


def test_either_of_two_moments_is_enough(sandbox: Sandbox):
    working(sandbox)
    publish(sandbox, 1)
    sandbox.until(Moment("jobs", "sent") | Moment("jobs", "sent", 9), within=60)
    sandbox.until(Moment("jobs", "sent") & Moment("jobs", "settled"), within=60)


@pytest.mark.parametrize(
    ("moment", "problem"),
    [
        (Moment("lake", "sent"), "there is no 'lake' in this sandbox; there are: aws, rabbitmq"),
        (Moment("tcs", "sent"), "the http resource 'tcs' has the moments requested, effected, answered, not 'sent'"),
    ],
    ids=["thing", "event"],
)
def test_a_moment_of_what_is_not_there_is_refused(sandbox: Sandbox, moment: Moment, problem: str):
    working(sandbox)
    with pytest.raises(UsageError, match=problem):
        sandbox.until(moment)


def test_a_fault_on_a_link_that_does_not_exist_lists_those_that_do(sandbox: Sandbox):
    working(sandbox)
    with pytest.raises(UsageError, match="there is no link worker->lake; there are: worker->rabbitmq, worker->tcs"):
        sandbox.inject(outage(Link("worker", "lake")))


def test_a_service_that_speaks_to_the_broker_directly_is_found_out(sandbox: Sandbox):
    stack = sandbox._context.stack  # noqa: SLF001 (the address that a service must not know)
    working(sandbox, STRAIGHT=str(stack.rabbitmq.port))
    publish(sandbox, 1)
    history = sandbox.drain()
    around = [event for event in history.events() if event.kind == "bypassed"]
    ended = sandbox.end()
    assert len(around) == 1
    assert ended.bypassed == 1


def test_what_a_service_cannot_be_told_is_said(sandbox: Sandbox):
    worker, _ = working(sandbox)
    jobs = sandbox._context.things["jobs"]  # noqa: SLF001 (kept from `working`)
    with pytest.raises(UsageError, match=r"does not say how it sends to 'jobs'; add it to \[sends\]"):
        jobs.publish([{"id": 1}], by=worker)  # type: ignore[attr-defined]


def test_a_producer_that_fails_when_told_is_an_error(sandbox: Sandbox):
    exporter = Service.named("esr-exporter")["with confirms"]
    sandbox.rabbitmq.queue("placement-exported", key="/placementId")
    instance = sandbox.start(exporter, uses={"AMQP_URL": sandbox.rabbitmq})
    sandbox.heal()
    sandbox.rabbitmq.channel.queue_delete("placement-exported")
    with pytest.raises(HarnessError, match="esr-exporter answered 502 to POST /exports, when told to send to placement-exported"):
        instance.send("placement-exported", b'{"placementId": 1}')
    sandbox.rabbitmq.channel.queue_declare("placement-exported", durable=True)
    assert instance.process is not None
    instance.process.kill()
    with pytest.raises(HarnessError, match="was told to send to placement-exported and did not answer"):
        instance.send("placement-exported", b'{"placementId": 1}')


def test_a_stack_that_is_lost_stops_everything(sandbox: Sandbox):
    working(sandbox)
    sandbox._context.lost = lambda: "RabbitMQ ended with status -9"  # noqa: SLF001 (no test kills the stack of all others)
    with pytest.raises(StackLostError, match="RabbitMQ ended with status -9"):
        sandbox.drain()


def test_an_outage_that_begins_with_a_request_comes_before_its_effect(sandbox: Sandbox):
    worker, _ = working(sandbox)
    tcs = sandbox._context.things["tcs"]  # noqa: SLF001 (kept from `working`)
    sandbox.inject(outage(worker.link(tcs), begins=tcs.requested(2), lasts=0.5))  # type: ignore[attr-defined]
    publish(sandbox, 2)
    history = sandbox.drain(within=5)
    effects = [event.key for event in history.events() if event.kind == "effected"]
    faults = history.ledger().world.faults.values()
    assert effects == ["1"]
    assert [one.bites > 0 for one in faults] == [True]


def test_a_message_in_flight_on_sqs_is_waited_for(sandbox: Sandbox):
    jobs = sandbox.aws.queue("jobs", key="/id", visibility_timeout=2)
    jobs.publish([{"id": 1}])
    sandbox.aws.call("receive_message", QueueUrl=jobs.url)
    looked = jobs.look()
    history = sandbox.drain()
    assert looked == (0, 1)
    assert [event.data for event in history.events() if event.kind == "scanned"] == [{"messages": 1}]
    assert "left in queues: 1 in jobs" in str(sandbox.end().outcome)


@pytest.mark.parametrize("somebody", [True, False])
def test_what_nobody_takes_is_waited_for_before_it_is_said_so_if_somebody_lives(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, *, somebody: bool
):
    monkeypatch.setattr("harness.sandbox.drain.LYING", 6)
    for _ in range(somebody):
        working(sandbox)
    left = sandbox.rabbitmq.queue("left", key="/id", effect=sandbox.http("place", key="/id"))
    left.publish([{"id": 1}])
    history = sandbox.drain()
    sent = [event.t for event in history.events() if event.kind == "acknowledged"]
    drained = [event.t for event in history.events() if event.kind == "drained"]
    assert history.drained
    assert (drained[0] - sent[0] > 5) is somebody
