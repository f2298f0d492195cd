"""Queues on both brokers: what is declared, refused, sent, looked at and left over, on the real ones."""

import pytest
from botocore.exceptions import ConnectionClosedError

from harness.errors import StackLostError, UsageError
from harness.history.events import Event
from harness.history.journal import Journal
from harness.sandbox.queues import Body, Queue
from harness.sandbox.sandbox import Sandbox


def declarations(sandbox: Sandbox) -> dict[str, str]:
    context = sandbox._context  # noqa: SLF001 (what was declared is not part of the public surface)
    return {name: one.role for name, one in context.declared.items() if one.what == "queue"}


def journal(sandbox: Sandbox) -> list[Event]:
    sandbox.finish()
    return list(Journal(sandbox._journal).events())  # noqa: SLF001 (as above)


def test_the_harness_itself_keeps_no_connection_to_the_emulator_that_could_end_while_it_asks(sandbox: Sandbox):
    answered = sandbox.aws.call("list_queues")["ResponseMetadata"]["HTTPHeaders"]
    assert answered["connection"] == "close"


def test_roles_follow_from_how_queues_hang_together(sandbox: Sandbox):
    sandbox.rabbitmq.queue("jobs", dead_letter="jobs.dlq")
    sandbox.rabbitmq.queue("jobs.retry", ttl=1, dead_letter="jobs")
    sandbox.rabbitmq.queue("jobs.parked", role="parking")
    sandbox.rabbitmq.queue("short", ttl=1)
    sandbox.rabbitmq.queue("graves", ttl=1, dead_letter="jobs.dlq")
    sandbox.aws.queue("mails", dead_letter="mails-dlq")
    assert declarations(sandbox) == {
        "jobs": "work",
        "jobs.dlq": "dead-letter",
        "jobs.retry": "retry",
        "jobs.parked": "parking",
        "short": "work",
        "graves": "work",
        "mails": "work",
        "mails-dlq": "dead-letter",
    }


@pytest.mark.parametrize("broker", ["aws", "rabbitmq"])
def test_the_dead_letter_queue_can_be_named(sandbox: Sandbox, broker: str):
    made = getattr(sandbox, broker).queue("jobs", dead_letter="jobs-dlq")
    without = getattr(sandbox, broker).queue("plain")
    assert made.dead_letters.thing_name == "jobs-dlq"
    with pytest.raises(UsageError, match="'plain' has no dead-letter queue; declare it with dead_letter=NAME"):
        _ = without.dead_letters


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"name": "spaced name"}, "a name has 1 to 80 letters"),
        ({"visibility_timeout": 43_201}, "visibility_timeout=43201 is outside SQS's 0 to 43200 s"),
        ({"retention_period": 59}, "retention_period=59 is outside SQS's 60 to 1209600 s"),
        ({"max_receive_count": 0}, "max_receive_count=0 is outside SQS's 1 to 1000"),
        ({"name": "jobs.fifo", "dead_letter": "dlq"}, "must be of the same type"),
    ],
    ids=["name", "visibility", "retention", "receives", "type"],
)
def test_the_limits_of_sqs_hold_although_the_emulator_does_not_mind(sandbox: Sandbox, arguments: dict[str, object], problem: str):
    with pytest.raises(UsageError, match=problem):
        sandbox.aws.queue(**{"name": "jobs", **arguments})  # type: ignore[arg-type]


def test_what_rabbitmq_has_not_is_refused(sandbox: Sandbox):
    with pytest.raises(UsageError, match="RabbitMQ has classic and quorum queues"):
        sandbox.rabbitmq.queue("jobs", kind="lazy")
    with pytest.raises(UsageError, match="cannot live for less than 0 s"):
        sandbox.rabbitmq.queue("jobs", ttl=-1)


def test_a_name_is_given_once(sandbox: Sandbox):
    sandbox.aws.queue("jobs")
    with pytest.raises(
        UsageError, match="there is already the SQS queue 'jobs' in this sandbox; give the RabbitMQ queue 'jobs' another name"
    ):
        sandbox.rabbitmq.queue("jobs")


def test_a_body_without_its_key_is_refused(sandbox: Sandbox):
    jobs = sandbox.rabbitmq.queue("jobs", key="/id")
    with pytest.raises(UsageError, match="key='/id' of the RabbitMQ queue 'jobs' is not in the body"):
        jobs.publish(["{}"])


BODIES: list[Body] = [{"id": 1}, '{"id": 2}', b'{"id": 3}']


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_messages_on_rabbitmq_are_sent_looked_at_and_found(sandbox: Sandbox, kind: str):
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", kind=kind, delivery_limit=3 if kind == "quorum" else None)
    jobs.publish(BODIES, attributes={"colour": "red"})
    looked = jobs.look()
    events = journal(sandbox)
    residue = [event for event in events if event.kind == "residue"]
    assert looked == (3, 0)
    assert [event.key for event in events if event.kind == "acknowledged"] == ["1", "2", "3"]
    assert [event.key for event in residue] == ["1", "2", "3"]
    assert (residue[0].headers or {}).get("colour") == "red"
    assert [event.data for event in events if event.kind == "scanned"] == [{"messages": 3}]


@pytest.mark.parametrize(
    ("kind", "declared", "known"),
    [("classic", None, None), ("quorum", 3, 3), ("quorum", -1, None)],
    ids=["never counts", "declared", "switched off"],
)
def test_the_journal_has_the_limit_that_a_queue_is_declared_with(
    sandbox: Sandbox, kind: str, declared: int | None, known: int | None
):
    sandbox.rabbitmq.queue("jobs", kind=kind, delivery_limit=declared)
    found = [event.data or {} for event in journal(sandbox) if event.kind == "declared"]
    assert [one.get("max_receive_count") for one in found if one["name"] == "jobs"] == [known]


@pytest.mark.parametrize("name", ["jobs", "jobs.fifo"])
def test_messages_on_sqs_are_sent_looked_at_and_found(sandbox: Sandbox, name: str):
    jobs = sandbox.aws.queue(name, key="/id", group="/id" if name.endswith("fifo") else None)
    jobs.publish(BODIES, attributes={"colour": "red"})
    looked = jobs.look()
    events = journal(sandbox)
    residue = [event for event in events if event.kind == "residue"]
    assert looked == (3, 0)
    assert {event.key for event in residue} == {"1", "2", "3"}
    assert residue[0].attributes == {"colour": ("String", "red")}
    assert [event.mid for event in residue] == [event.mid for event in events if event.kind == "acknowledged"]


class ClosedOnce:
    """A client of SQS whose first call meets a connection that was just closed."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def call(self, **arguments: object) -> dict[str, dict[str, str]]:
        self.calls.append(str(arguments["QueueUrl"]).rpartition("/")[2])
        if len(self.calls) == 1:
            raise ConnectionClosedError(endpoint_url="")
        return {"Attributes": {"ApproximateNumberOfMessages": "7"}}

    get_queue_attributes = purge_queue = call


def test_a_look_whose_connection_was_just_closed_is_made_again(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    jobs, client = sandbox.aws.queue("jobs"), ClosedOnce()
    with monkeypatch.context() as patched:
        patched.setattr(sandbox.aws, "_client", lambda _: client)
        found = jobs.gauge()()

    assert (found, client.calls) == (7, ["jobs", "jobs"])


def test_a_change_whose_connection_was_just_closed_is_not(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch):
    jobs, client = sandbox.aws.queue("jobs"), ClosedOnce()
    with monkeypatch.context() as patched:
        patched.setattr(sandbox.aws, "_client", lambda _: client)
        with pytest.raises(StackLostError, match="does not answer any more"):
            sandbox.aws.call("purge_queue", QueueUrl=jobs.url)

    assert client.calls == ["jobs"]


def test_a_message_without_a_key_is_known_by_what_the_broker_calls_it(sandbox: Sandbox):
    sandbox.aws.queue("jobs").publish(["{}"])
    sandbox.rabbitmq.queue("tasks").publish(["{}"])
    residue = {event.queue: event.key for event in journal(sandbox) if event.kind == "residue"}
    assert residue["jobs"].startswith("id:")
    assert residue["tasks"] == ""


def test_a_send_that_the_broker_refuses_is_recorded_as_refused(sandbox: Sandbox):
    jobs = sandbox.rabbitmq.queue("jobs", key="/id")
    mails = sandbox.aws.queue("mails", key="/id")
    sandbox.rabbitmq.channel.queue_delete("jobs")
    jobs.publish([{"id": 1}])
    mails.publish([{"id": 2}], attributes={"AWS.reserved": "x"})
    sandbox.rabbitmq.channel.queue_declare("jobs", durable=True)
    refused = {event.queue: event.key for event in journal(sandbox) if event.kind == "refused"}
    assert refused == {"jobs": "1", "mails": "2"}


def test_only_a_service_can_be_told_to_publish(sandbox: Sandbox):
    jobs = sandbox.rabbitmq.queue("jobs", key="/id")
    with pytest.raises(UsageError, match="the http resource 'tcs' cannot be told to publish"):
        jobs.publish([{"id": 1}], by=sandbox.http("tcs"))


def test_moments_of_a_queue_are_values(sandbox: Sandbox):
    jobs: Queue = sandbox.rabbitmq.queue("jobs")
    assert [repr(one) for one in (jobs.sent(), jobs.delivered(2), jobs.settled(key="7"))] == [
        "Moment('jobs', 'sent')",
        "Moment('jobs', 'delivered', 2)",
        "Moment('jobs', 'settled', key='7')",
    ]
