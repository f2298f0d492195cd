"""What the running emulator does otherwise than AWS: asked of it, not believed of its version. Nothing is enforced here.

Each probe is a few calls of SQS in an account of their own. Where AWS and the emulator differ, the taps of a link do what AWS
does (`wire.shims`), or a verdict could be about the emulator: the answer stands in run.json with what follows from it, and in
the header of every journal, so that nothing is concluded from what the emulator got wrong.
"""

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from harness import clock
from harness.errors import StackError, TimedOutError
from harness.history import fidelity as names
from harness.stack import cache
from harness.stack.model import Stack
from harness.wire.shims import ENFORCED

RECIPE = 2
"""Part of the name under which results are kept: other probes ask anew."""
SHORT = "1"
"""The visibility timeout, in seconds, of messages that have to come back."""
SURELY = 1.3
"""Seconds after which a timeout that seems to be over is over for sure, also for who reckons with a tick of a second."""
NOT_TAKEN = 5.0
"""Seconds after which a message that others hold back is not handed out."""
WITHIN = 60.0
ATTRIBUTES_MOST, VISIBILITY_MOST, RETENTION_LEAST, DELAY_MOST, SIZE_MOST = 10, 43_200, 60, 900, 1_048_576
Probing = Callable[["Account"], bool]


@dataclass(frozen=True)
class Probe:
    """One thing that AWS does: whether this emulator does it too (`holds`), and what its absence means for a verdict."""

    probe: str
    holds: bool
    effect: str

    @property
    def state(self) -> str:
        """Whether it holds in the runs on this emulator, and by whom."""
        return "holds" if self.holds else "enforced by the tap" if self.probe in ENFORCED else "does not hold"


class Account:
    """Queues of one throw-away AWS account, and short ways to use them."""

    def __init__(self, stack: Stack) -> None:
        self.ident = str(100_000_000_000 + secrets.randbelow(800_000_000_000))
        self._urls: list[str] = []
        self.sqs: Any = boto3.client(
            "sqs",
            endpoint_url=f"http://{stack.localstack}",
            region_name="us-east-1",
            aws_access_key_id=self.ident,
            aws_secret_access_key="probe",  # noqa: S106 (an emulator takes any)
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, max_pool_connections=20),
        )

    def queue(self, name: str, **attributes: str) -> str:
        """Make a queue and return its URL; FIFO by its name."""
        if name.endswith(".fifo"):
            attributes = {"FifoQueue": "true", **attributes}
        url: str = self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self._urls.append(url)
        return url

    def arn(self, name: str) -> str:
        """Return the ARN of a queue of this account."""
        return f"arn:aws:sqs:us-east-1:{self.ident}:{name}"

    def send(self, url: str, body: str, group: str, deduplication: str | None = None) -> None:
        """Send to a FIFO queue."""
        self.sqs.send_message(
            QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=deduplication or secrets.token_hex(8)
        )

    def take(self, url: str, visibility: int, *, wait: int = 0) -> tuple[str, str] | None:
        """Receive one message: its body and its receipt handle, None where there is none."""
        asked = {"QueueUrl": url, "MaxNumberOfMessages": 1, "VisibilityTimeout": visibility, "WaitTimeSeconds": wait}
        found = self.sqs.receive_message(**asked).get("Messages", [])
        return (found[0]["Body"], found[0]["ReceiptHandle"]) if found else None

    def taken(self, url: str, visibility: int) -> tuple[str, str]:
        """Receive one message, waiting for it; raises StackError where none comes."""
        try:
            found = clock.eventually(lambda: self.take(url, visibility), awaited=f"a message of {url}", within=WITHIN, every=0.1)
        except TimedOutError as error:
            message = f"the emulator does not hand out a message that is due: {error}"
            raise StackError(message) from error
        assert found is not None  # noqa: S101 (what eventually returns is true)
        return found

    def refuses(self, operation: str, **arguments: Any) -> bool:
        """Tell whether a call is answered with an error of the caller's."""
        try:
            getattr(self.sqs, operation)(**arguments)
        except ClientError as error:
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"]) < 500  # noqa: PLR2004 (HTTP's own boundary)
        return False

    def end(self) -> None:
        """Delete the queues."""
        for url in self._urls:
            with contextlib.suppress(BotoCoreError, ClientError):  # the emulator may be what is broken
                self.sqs.delete_queue(QueueUrl=url)


def _groups(account: Account) -> bool:
    url = account.queue("groups.fifo")
    account.send(url, "a", "A")
    account.send(url, "b", "B")
    account.taken(url, 30)
    account.taken(url, 1)
    try:
        clock.eventually(lambda: account.take(url, 1), awaited="group B again", within=NOT_TAKEN, every=0.2)
    except TimedOutError:
        return False
    return True


def _late_delete(account: Account) -> bool:
    url = account.queue("late.fifo", VisibilityTimeout=SHORT)
    account.send(url, "a", "A")
    _, old = account.taken(url, 1)
    account.taken(url, 30)
    return account.refuses("delete_message", QueueUrl=url, ReceiptHandle=old)


def _heartbeat(account: Account) -> bool:
    url = account.queue("heartbeat.fifo", VisibilityTimeout=SHORT)
    account.send(url, "a", "A")
    _, old = account.taken(url, 1)
    looks = {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]}
    clock.eventually(
        lambda: account.sqs.get_queue_attributes(**looks)["Attributes"]["ApproximateNumberOfMessages"] == "1",
        awaited="the end of a visibility timeout",
        within=WITHIN,
        every=0.1,
    )
    clock.pause(SURELY)
    return account.refuses("change_message_visibility", QueueUrl=url, ReceiptHandle=old, VisibilityTimeout=30)


def _attribute_limit(account: Account) -> bool:
    eleven = {f"a{n}": {"DataType": "String", "StringValue": "x"} for n in range(ATTRIBUTES_MOST + 1)}
    return account.refuses("send_message", QueueUrl=account.queue("attributes"), MessageBody="a", MessageAttributes=eleven)


def _number_type(account: Account) -> bool:
    wrong = {"n": {"DataType": "Number", "StringValue": "twelve"}}
    return account.refuses("send_message", QueueUrl=account.queue("numbers"), MessageBody="a", MessageAttributes=wrong)


def _visibility_limit(account: Account) -> bool:
    url = account.queue("visibility")
    account.sqs.send_message(QueueUrl=url, MessageBody="a")
    _, handle = account.taken(url, 30)
    change = {"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": VISIBILITY_MOST + 1}
    return account.refuses("change_message_visibility", **change)


def _retention_limit(account: Account) -> bool:
    return account.refuses("create_queue", QueueName="retention", Attributes={"MessageRetentionPeriod": str(RETENTION_LEAST - 1)})


def _delay_limit(account: Account) -> bool:
    return account.refuses("send_message", QueueUrl=account.queue("delay"), MessageBody="a", DelaySeconds=DELAY_MOST + 1)


def _size_limit(account: Account) -> bool:
    return account.refuses("send_message", QueueUrl=account.queue("size"), MessageBody="a" * (SIZE_MOST + 1))


def _deduplication_scope(account: Account) -> bool:
    scope = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    url = account.queue("scope.fifo", **scope)
    for group in ("A", "B", "A"):
        account.send(url, group, group, deduplication="same")
    looks = {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]}
    return bool(account.sqs.get_queue_attributes(**looks)["Attributes"]["ApproximateNumberOfMessages"] == "2")


def _fifo_redrive(account: Account) -> bool:
    dead = account.queue("dead.fifo")
    policy = json.dumps({"deadLetterTargetArn": account.arn("dead.fifo"), "maxReceiveCount": "1"})
    url = account.queue("alive.fifo", RedrivePolicy=policy, VisibilityTimeout=SHORT)
    account.send(url, "a", "A")
    account.taken(url, 1)
    clock.eventually(
        lambda: account.take(url, 1) is None and account.take(dead, 0) is not None,
        awaited="a dead letter",
        within=WITHIN,
        every=0.1,
    )
    account.sqs.start_message_move_task(SourceArn=account.arn("dead.fifo"))
    return account.take(url, 30, wait=2) is not None


def _dead_letter_queue(account: Account) -> bool:
    policy = json.dumps({"deadLetterTargetArn": account.arn("nowhere"), "maxReceiveCount": "1"})
    return account.refuses("create_queue", QueueName="mistaken", Attributes={"RedrivePolicy": policy})


PROBES: dict[str, tuple[Probing, str]] = {
    names.GROUPS: (_groups, "a message of one FIFO group comes back only when others are done"),
    names.LATE_DELETE: (_late_delete, "a consumer that deletes after its visibility timeout does not hear of it"),
    names.HEARTBEAT: (_heartbeat, "a consumer that extends its time too late does not hear of it"),
    names.ATTRIBUTES: (_attribute_limit, "a producer that adds an eleventh attribute works here and fails on AWS"),
    names.NUMBER: (_number_type, "a producer that sends a wrong number works here and fails on AWS"),
    names.VISIBILITY: (_visibility_limit, "a longer visibility timeout works here and fails on AWS"),
    names.RETENTION: (_retention_limit, "a shorter retention period works here and fails on AWS"),
    names.DELAY: (_delay_limit, "a longer delay works here and fails on AWS"),
    names.SIZE: (_size_limit, "a larger message works here and fails on AWS"),
    names.DEDUPLICATION: (_deduplication_scope, "messages that share a deduplication id are kept or lost otherwise"),
    names.REDRIVE: (_fifo_redrive, "a redrive to a FIFO queue within five minutes of the send loses them"),
    names.DEAD_LETTER_QUEUE: (_dead_letter_queue, "a redrive policy to a queue that is not there works here only"),
}


def probed(stack: Stack) -> list[Probe]:
    """Ask the emulator of this stack; raises StackError where it does not answer. At speed 1 this takes about four seconds."""
    account = Account(stack)
    try:
        with ThreadPoolExecutor(len(PROBES), thread_name_prefix="probe") as pool:
            asked = {name: pool.submit(probe, account) for name, (probe, _) in PROBES.items()}
            return [Probe(name, asked[name].result(), PROBES[name][1]) for name in PROBES]
    except (BotoCoreError, OSError) as error:
        message = f"LocalStack at {stack.localstack} does not answer the questions about what it can: {error}"
        raise StackError(message) from error
    finally:
        account.end()


def known(stack: Stack) -> list[Probe]:
    """Return what this stack's emulator does, from the cache if it was asked: ours by version, an external by address."""
    file = _file(stack)
    found = list(_read(file))
    if len(found) == len(PROBES):
        return found
    found = probed(stack)
    half = file.with_suffix(f".{secrets.token_hex(4)}")
    half.write_text(json.dumps([asdict(one) for one in found], indent=1))
    half.replace(file)
    return found


def told(probes: list[Probe]) -> list[dict[str, object]]:
    """Return what run.json says of it: of each probe its state, and what it means for a verdict where it does not hold."""
    return [
        {"probe": one.probe, "state": one.state, **({"effect": one.effect} if one.state == "does not hold" else {})}
        for one in probes
    ]


def lacking(stack: Stack) -> tuple[str, ...]:
    """Return what does not hold on this emulator, as far as is known without asking it: all that no tap enforces, else."""
    found = {one.probe: one for one in _read(_file(stack))}
    return tuple(name for name in PROBES if name not in ENFORCED and not (name in found and found[name].holds))


def _file(stack: Stack) -> Path:
    which = f"-{stack.localstack}" if stack.kind == "external" else ""
    return cache.folder() / f"fidelity-{stack.versions['localstack']}{which.replace(':', '-')}-{RECIPE}.json"


def _read(file: Path) -> Iterator[Probe]:
    try:
        said = json.loads(file.read_text())
    except (OSError, ValueError):
        return
    for one in said:
        yield Probe(str(one["probe"]), bool(one["holds"]), str(one["effect"]))
