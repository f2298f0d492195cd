"""The faults of mails sent with SES, v1 and v2, with boto3 on a link to LocalStack: what client, taps and mailbox saw."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from harness.clock import eventually, now
from harness.errors import UsageError
from harness.faults import altered, answer_lost, duplicate, held, latency, request_lost, status
from harness.history.events import Declaration
from harness.model import Fault, Link
from harness.stack import Stack
from tests.table.seen import Way, way

LINK = Link("mailer", "aws")
REQUESTED, EFFECTED, ANSWERED = ("requested", "F1"), ("effected", "F1"), ("answered", "F1")
Send = Callable[[str], str]
ONCE = Config(retries={"total_max_attempts": 1})


def word(send: Callable[[], object]) -> str:
    """Return `sent`, or the error's code or name."""
    try:
        send()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    except BotoCoreError as error:
        return type(error).__name__
    return "sent"


class Clients:
    """Clients of both versions of SES, and of SQS, on one link."""

    def __init__(self, port: int) -> None:
        session = boto3.Session("123456789012", "test", region_name="eu-west-2")
        where = f"http://127.0.0.1:{port}"
        self._v1, self._v2 = (session.client(name, endpoint_url=where, config=ONCE) for name in ("ses", "sesv2"))
        self.sqs = session.client("sqs", endpoint_url=where, config=ONCE)
        self.by_name: dict[str, Send] = {"v1": self.v1, "v1 raw": self.v1_raw, "v2": self.v2, "v2 raw": self.v2_raw}

    def v1(self, key: str) -> str:
        return word(
            lambda: self._v1.send_email(
                Source="forms@x.test",
                Destination={"ToAddresses": ["doctor@y.test"]},
                Message={"Subject": {"Data": f"form {key} received"}, "Body": {"Text": {"Data": "Dear doctor"}}},
            )
        )

    def v1_raw(self, key: str) -> str:
        return word(lambda: self._v1.send_raw_email(RawMessage={"Data": raw(key)}))

    def v2(self, key: str) -> str:
        content = {"Simple": {"Subject": {"Data": f"form {key} received"}, "Body": {"Html": {"Data": "<p>Dear doctor"}}}}
        to = {"ToAddresses": ["doctor@y.test"]}
        return word(lambda: self._v2.send_email(FromEmailAddress="forms@x.test", Destination=to, Content=content))

    def v2_raw(self, key: str) -> str:
        return word(lambda: self._v2.send_email(Content={"Raw": {"Data": raw(key)}}))

    def identities(self) -> list[str]:
        """Ask LocalStack something that is no mail."""
        found: list[str] = self._v1.list_identities()["Identities"]
        return found


def raw(key: str) -> bytes:
    return f"From: forms@x.test\r\nTo: doctor@y.test\r\nSubject: form {key} received\r\n\r\nDear doctor\r\n".encode()


@pytest.fixture(scope="module")
def road(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Way, Clients]]:
    address = (stack.localstack.host, stack.localstack.port)
    with way(stack, tmp_path_factory.mktemp("ses"), LINK, "sqs", address) as open_way:
        mails = Declaration(what="resource", name="mails", kind="ses", key=r"subject ~ form (\S+)")
        open_way.world.declare(mails)
        open_way.world.open_resource("mails", "mailbox", {"key": mails.key})
        yield open_way, Clients(open_way.port)


@pytest.fixture
def aws(road: tuple[Way, Clients]) -> Way:
    """A link with no fault on it, whose journal is read from here on."""
    road[0].forget()
    return road[0]


@pytest.fixture
def clients(road: tuple[Way, Clients]) -> Clients:
    return road[1]


@pytest.mark.parametrize("client", ["v1", "v1 raw", "v2", "v2 raw"])
class TestWhatAClientSees:
    def test_a_mail_is_taken_by_the_mailbox(self, aws: Way, clients: Clients, client: str):
        saw = clients.by_name[client]("F1")

        assert saw == "sent"
        assert aws.near("requested", "answered") == [REQUESTED, ANSWERED]
        assert aws.far("requested", "answered") == [ANSWERED]
        assert aws.at_resource("requested", "effected") == [REQUESTED, EFFECTED]
        (asked,) = aws.events("requested", at="near")
        said = {"from": "forms@x.test", "to": ["doctor@y.test"], "subject": "form F1 received", "resource": "mails"}
        assert asked.data == said
        assert {(event.conn, event.x) for event in aws.events("requested", "effected", "answered")} == {(asked.conn, asked.x)}

    @pytest.mark.parametrize(
        ("fault", "saw"),
        [
            (answer_lost(LINK, times=1), "ConnectionClosedError"),
            (answer_lost(LINK, status=504, times=1), "504"),
            (request_lost(LINK, times=1), "ConnectionClosedError"),
            (status(LINK, "MessageRejected", times=1), "MessageRejected"),
            (status(LINK, 503, body="", times=1), "503"),
        ],
        ids=str,
    )
    def test_a_mail_that_failed_for_its_service(self, aws: Way, clients: Clients, client: str, fault: Fault, saw: str):
        aws.arm(fault)
        said = [clients.by_name[client](key) for key in ("F1", "F2")]
        taken, at = ([EFFECTED], "far") if fault.name == "answer_lost" else ([], "near")

        assert said == [saw, "sent"]
        assert aws.near("requested") == [REQUESTED, ("requested", "F2")]
        assert aws.at_resource("effected") == [*taken, ("effected", "F2")]
        assert [(seat, key) for _, seat, _, key in aws.bites()] == [(at, "F1")]

    def test_a_duplicate_is_taken_twice_and_answered_once(self, aws: Way, clients: Clients, client: str):
        aws.arm(duplicate(LINK, times=1))
        said = [clients.by_name[client](key) for key in ("F1", "F2")]

        assert said == ["sent", "sent"]
        assert aws.made("requested") == [("f1", "requested", "F1")]
        assert aws.at_resource("effected") == [EFFECTED, EFFECTED, ("effected", "F2")]
        asked, done = aws.events("requested", at="near")[-1], aws.events("effected")[-1]
        assert (asked.conn, asked.x) == (done.conn, done.x)

    def test_an_answer_comes_late(self, aws: Way, clients: Clients, client: str):
        aws.arm(latency(LINK, 0.15, times=1))
        start = now()
        saw = clients.by_name[client]("F1")
        took = now() - start

        assert saw == "sent"
        assert took >= 0.15
        assert [(seat, key) for _, seat, _, key in aws.bites()] == [("far", "F1")]

    def test_a_held_mail_waits_until_the_fault_ends(self, aws: Way, clients: Clients, client: str):
        aws.arm(held(LINK, key="F1"))
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(clients.by_name[client], "F1")
            eventually(aws.bites, awaited="the bite", within=60)
            before = aws.at_resource("requested")
            aws.world.disarm("f1")
            saw = waiting.result(60)

        assert (before, saw) == ([], "sent")
        assert aws.at_resource("effected") == [EFFECTED]


def test_what_is_no_mail_goes_to_localstack(aws: Way, clients: Clients):
    aws.arm(status(LINK, 503, on="SendEmail"))
    queues = clients.sqs.list_queues().get("QueueUrls", [])

    assert clients.identities() == []
    assert queues == []
    assert clients.by_name["v1 raw"]("F1") == "sent"
    assert clients.by_name["v2"]("F1") == "ServiceUnavailable"
    assert [event.wire for event in aws.events("answered", at="far")] == ["ListQueues", "ListIdentities", "SendRawEmail"]


def test_what_cannot_bite_here_is_refused(aws: Way):
    with pytest.raises(
        UsageError, match=r"altered on mailer->aws: on='SendEmail' sends a mail; what can happen to one is answer_lost"
    ):
        aws.arm(altered(LINK, body="x", on="SendEmail"))
