"""SQS in a sandbox: an AWS account of its own, which LocalStack makes of a 12-digit access key, and the queues declared in it."""

import http.client
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from localstack_client.session import Session

from harness.errors import StackLostError, UsageError
from harness.history.events import Declaration, Event
from harness.model import Key, Link
from harness.sandbox.effects import Effect, named
from harness.sandbox.queues import Ending, Look, Queue, Role
from harness.sandbox.resources import Mailbox
from harness.sandbox.things import Context, Usable
from harness.sandbox.topics import Topic
from harness.services.parts import REGION, Parts
from harness.wire.sns import envelope

SECRET = "test"  # noqa: S105 (LocalStack does not check signatures; every SDK wants one)
VISIBILITY_MAX = 43_200
RETENTION = (60, 1_209_600)
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}(\.fifo)?")


class Aws(Usable):
    """The sandbox's own AWS account; `queue` creates in it."""

    word = "the account"

    def __init__(self, context: Context) -> None:
        super().__init__(context, "aws")
        self._clients: dict[str, Any] = {}

    def queue(
        self,
        name: str,
        *,
        key: str | None = None,
        effect: Effect = None,
        visibility_timeout: float = 30,
        retention_period: float = 345_600,
        dead_letter: str | None = None,
        max_receive_count: int = 10,
        group: str | None = None,
        role: Role | None = None,
    ) -> "SqsQueue":
        """Create a queue, and its dead-letter queue where that is new; FIFO with content-based deduplication if named so.

        Times are seconds. `group` says where a published message's MessageGroupId stands in its body. Raises UsageError beyond
        AWS's own limits, also where LocalStack would not mind.
        """
        _check(name, visibility_timeout, retention_period, max_receive_count, dead_letter)
        if dead_letter is not None and dead_letter not in self._context.things:
            self._create(
                SqsQueue(self, dead_letter, key=key, group=None),
                Declaration(what="queue", name=dead_letter, role="dead-letter", key=key),
            )
        made = SqsQueue(self, name, key=key, group=group, dead_letter=dead_letter)
        made.attributes = {
            "VisibilityTimeout": str(round(visibility_timeout)),
            "MessageRetentionPeriod": str(round(retention_period)),
            **self._redrive(dead_letter, max_receive_count),
        }
        declaration = Declaration(
            what="queue",
            name=name,
            role=role or "work",
            key=key,
            effects=named(effect),
            visibility_timeout=visibility_timeout,
            retention_period=retention_period,
            dead_letter=dead_letter,
            max_receive_count=max_receive_count if dead_letter else None,
        )
        self._create(made, declaration)
        return made

    def mailbox(self, *, key: str | None = None, name: str = "mailbox") -> Mailbox:
        r"""Make the mailbox that takes what services send with SES; it is reached by SMTP too. A sandbox has one of these.

        `key` says where a mail's key stands: `subject ~ form (\S+)`, `to ~`, `body ~`. Calls of SES go over a service's link to
        AWS; SendEmail (v1 and v2), SendRawEmail and SendTemplatedEmail are taken here, from any sender, all others go to
        LocalStack. Raises UsageError when there is one already, the name is taken or the key cannot be one.
        """
        if any(one.kind == "ses" for one in self._context.declared.values()):
            message = f"aws.mailbox(name={name!r}): there is one already, and it takes all mails of SES"
            raise UsageError(message)
        return Mailbox(self._context, name, key=key, ses=True)

    def _redrive(self, dead_letter: str | None, max_receive_count: int) -> Mapping[str, str]:
        if dead_letter is None:
            return {}
        return {
            "RedrivePolicy": json.dumps(
                {"deadLetterTargetArn": self.arn("sqs", dead_letter), "maxReceiveCount": max_receive_count}
            )
        }

    def arn(self, service: str, name: str) -> str:
        """Return the ARN of a queue or topic of this account."""
        return f"arn:aws:{service}:{REGION}:{self._context.account}:{name}"

    def _create(self, queue: "SqsQueue", declaration: Declaration) -> None:
        self._context.name(queue)
        declaration.broker = "aws"
        declaration.fifo = queue.fifo
        self._context.declare(declaration)
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if queue.fifo else {}
        self.call("create_queue", QueueName=queue.thing_name, Attributes={**queue.attributes, **fifo})
        self._context.ends.append(lambda: self.call("delete_queue", QueueUrl=queue.url))

    def topic(
        self,
        name: str,
        *,
        to: "SqsQueue | Sequence[SqsQueue]",
        raw: bool = False,
        only: Mapping[str, Sequence[str]] | None = None,
    ) -> Topic:
        """Create a topic of SNS, to which these queues are subscribed; FIFO if named so.

        `raw`: messages come out of the queues as they were published, else in SNS's envelope, in which their key is found too.
        `only` is a filter policy: the values that message attributes must have. Other subscriptions: `Topic.subscribe`.
        """
        made = Topic(self, self._context, name)
        for queue in [to] if isinstance(to, SqsQueue) else to:
            made.subscribe(queue, raw=raw, only=only)
        return made

    def call(self, operation: str, *, service: str = "sqs", **arguments: Any) -> Any:
        """Call SQS (or SNS) with the harness's own client, straight to LocalStack. Raises StackLostError when it is gone."""
        try:
            return getattr(self._client(service), operation)(**arguments)
        except (BotoCoreError, OSError) as error:
            message = f"LocalStack at {self._context.stack.localstack} does not answer any more: {error}"
            raise StackLostError(message) from error

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            address = self._context.stack.localstack
            session = Session(
                aws_access_key_id=self._context.account,
                aws_secret_access_key=SECRET,
                region_name=REGION,
                localstack_host=f"{address.host}:{address.port}",
            )
            config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30)
            self._clients[service] = session.client(service, config=config, endpoint_url=f"http://{address}")
        return self._clients[service]

    def reach(self, link: Link) -> int:
        """Open the link to SQS; return the port of its near tap."""
        address = self._context.stack.localstack
        return self._context.open(link, "sqs", (address.host, address.port))

    def parts(self, port: int) -> Parts:
        """Return the endpoint on the near tap at `port`, with the account's credentials as user and password."""
        return Parts(
            value=f"http://127.0.0.1:{port}",
            host="127.0.0.1",
            port=port,
            user=self._context.account,
            password=SECRET,
            account=self._context.account,
            name="aws",
        )


def _check(name: str, visibility: float, retention: float, receives: int, dead_letter: str | None) -> None:
    problem = ""
    if not NAME.fullmatch(name):
        problem = "a name has 1 to 80 letters, digits, - and _, and .fifo at the end of a FIFO queue's"
    elif not 0 <= visibility <= VISIBILITY_MAX:
        problem = f"visibility_timeout={visibility:g} is outside SQS's 0 to {VISIBILITY_MAX} s"
    elif not RETENTION[0] <= retention <= RETENTION[1]:
        problem = f"retention_period={retention:g} is outside SQS's {RETENTION[0]} to {RETENTION[1]} s"
    elif not 1 <= receives <= 1000:  # noqa: PLR2004 (SQS's own limit, named in the text)
        problem = f"max_receive_count={receives} is outside SQS's 1 to 1000"
    elif dead_letter is not None and dead_letter.endswith(".fifo") != name.endswith(".fifo"):
        problem = f"its dead-letter queue {dead_letter!r} must be of the same type (FIFO or standard)"
    if problem:
        message = f"SQS queue {name!r}: {problem}"
        raise UsageError(message)


class SqsQueue(Queue):
    """A queue in the sandbox's account."""

    word = "the SQS queue"

    def __init__(self, broker: Aws, name: str, *, key: str | None, group: str | None, dead_letter: str | None = None) -> None:
        super().__init__(broker._context, name, key=key, dead_letter=dead_letter)  # noqa: SLF001 (one sandbox, one context)
        self._broker = broker
        self._group = None if group is None else Key(group)
        self.fifo = name.endswith(".fifo")
        self.attributes: Mapping[str, str] = {}

    @property
    def url(self) -> str:
        """The QueueUrl for the harness's own calls."""
        return self.url_at(self._context.stack.localstack.port)

    def url_at(self, port: int) -> str:
        """Return the QueueUrl on a port: in LocalStack's path form, which names the region."""
        return f"http://127.0.0.1:{port}/queue/{REGION}/{self._context.account}/{self.thing_name}"

    def url_of(self, queue: Queue) -> str:
        """Return the QueueUrl of another queue of this account."""
        return f"{self.url.rpartition('/')[0]}/{queue.thing_name}"

    @property
    def road(self) -> Usable:
        """The account: a queue is reached over the link to SQS."""
        return self._broker

    def reach(self, link: Link) -> int:
        """Open the link to SQS; return the port of its near tap."""
        return self._broker.reach(link)

    def parts(self, port: int) -> Parts:
        """Return the QueueUrl on this link, and the parts of the account."""
        return replace(self._broker.parts(port), value=self.url_at(port), name=self.thing_name)

    def _send(self, payload: bytes, key: str, attributes: Mapping[str, str], ends: Ending) -> None:
        attempt = self._attempt(payload, key, attributes, ends, "SendMessage")
        extra: dict[str, Any] = {}
        if attributes:
            extra["MessageAttributes"] = {n: {"DataType": "String", "StringValue": v} for n, v in attributes.items()}
        if self.fifo:
            extra["MessageGroupId"] = (self._group.find(payload) if self._group else None) or "default"
        try:
            answer = self._broker.call("send_message", QueueUrl=self.url, MessageBody=payload.decode(), **extra)
        except ClientError as error:
            self._context.record(
                Event(kind="refused", queue=self.thing_name, key=attempt.key, wire="SendMessage", how=str(error))
            )
            return
        mid = str(answer["MessageId"])
        self._context.record(
            Event(kind="acknowledged", queue=self.thing_name, key=attempt.key or f"id:{mid}", wire="SendMessage", mid=mid)
        )

    def _give_back(self, to: Queue) -> int:
        count = 0
        while True:
            asked = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "AttributeNames": ["MessageGroupId"]}
            found = self._broker.call("receive_message", QueueUrl=self.url, **asked).get("Messages", ())
            if not found:
                return count
            for message in found:
                self._resend(to, message)
                self._broker.call("delete_message", QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                count += 1

    def _resend(self, to: Queue, message: Mapping[str, Any]) -> None:
        body, attributes = str(message["Body"]), message.get("MessageAttributes", {})
        to._redriven(body.encode(), {name: str(one.get("StringValue", "")) for name, one in attributes.items()})  # noqa: SLF001
        group = {"MessageGroupId": message["Attributes"]["MessageGroupId"]} if self.fifo else {}
        extra: dict[str, object] = {"MessageAttributes": attributes} if attributes else {}
        self._broker.call("send_message", QueueUrl=self.url_of(to), MessageBody=body, **extra, **group)

    def look(self) -> Look:
        """Return visible and delayed messages, and those in flight: LocalStack's counts are exact, whatever their names say."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible"]
        found = self._broker.call("get_queue_attributes", QueueUrl=self.url, AttributeNames=names)["Attributes"]
        visible, delayed, in_flight = (int(found.get(name, 0)) for name in names)
        return Look(visible + delayed, in_flight)

    def scan(self) -> int:
        """Write every message still in the queue, visible or not, into the journal; the peek changes no receive count."""
        messages = self._peek()
        for message in messages:
            self._residue(message)
        self._context.record(Event(kind="scanned", queue=self.thing_name, data={"messages": len(messages)}))
        return len(messages)

    def _peek(self) -> list[dict[str, Any]]:
        address = self._context.stack.localstack
        query = urlencode({"QueueUrl": self.url, "ShowInvisible": "true", "ShowDelayed": "true"})
        connection = http.client.HTTPConnection(address.host, address.port, timeout=10)
        try:
            connection.request("GET", f"/_aws/sqs/messages?{query}", headers={"Accept": "application/json"})
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        found = (answer["ReceiveMessageResponse"]["ReceiveMessageResult"] or {}).get("Message") or []
        return found if isinstance(found, list) else [found]

    def _residue(self, message: Mapping[str, Any]) -> None:
        body, mid = str(message["Body"]), str(message["MessageId"])
        attributes = _typed(message.get("MessageAttribute") or [])
        texts = {name: value for name, (_, value) in attributes.items()}
        around = envelope(body)
        found = self._key.find(around.message, fields=around.texts) if self._key and around is not None else None
        found = found or (self._key.find(body, fields=texts) if self._key else None)
        system = {one["Name"]: one["Value"] for one in _listed(message.get("Attribute") or [])}
        self._context.record(
            Event(
                kind="residue",
                queue=self.thing_name,
                key=found or f"id:{mid if around is None else around.mid}",
                mid=mid,
                size=len(body),
                body=body[:1024],
                count=int(system.get("ApproximateReceiveCount", 0)),
                attributes=attributes or None,
            )
        )


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def _typed(found: Any) -> dict[str, tuple[str, str]]:
    return {
        one["Name"]: (one["Value"]["DataType"], str(one["Value"].get("StringValue", one["Value"].get("BinaryValue", ""))))
        for one in _listed(found)
    }
