"""One queue of SQS in a sandbox's account: sent to, looked at exactly, scanned, its dead letters given back."""

import http.client
import json
from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from harness.address import LOOPBACK
from harness.history.events import Event
from harness.model import Key, Link
from harness.sandbox.brokers import DiedError
from harness.sandbox.dead_letters import Arrivals, Dead, Seen
from harness.sandbox.queues import Body, Ending, Look, Queue, Typed
from harness.sandbox.things import Usable
from harness.services.parts import REGION, Parts
from harness.stack.tempo import shown
from harness.wire import celery
from harness.wire.exchange import digest
from harness.wire.keys import found as found_in
from harness.wire.sns import envelope

if TYPE_CHECKING:
    from harness.sandbox.aws import Aws

ASKED: Mapping[str, Any] = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "AttributeNames": ["MessageGroupId"]}


class SqsQueue(Queue):
    """A queue in the sandbox's account."""

    word = "the SQS queue"

    def __init__(self, broker: "Aws", name: str, *, key: str | None, group: str | None, dead_letter: str | None = None) -> None:
        super().__init__(broker._context, name, key=key, dead_letter=dead_letter)  # noqa: SLF001 (one sandbox, one context)
        self._broker = broker
        self._group = None if group is None else Key(group)
        self.fifo = name.endswith(".fifo")
        self.attributes: Mapping[str, str] = {}

    @property
    def url(self) -> str:
        """The QueueUrl for the harness's own calls."""
        return self.url_at(self._context.stack.localstack.port)

    def url_at(self, port: int, host: str = LOOPBACK) -> str:
        """Return the QueueUrl on a port: in LocalStack's path form, which names the region."""
        return f"http://{host}:{port}/queue/{REGION}/{self._context.account}/{self.thing_name}"

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

    def parts(self, port: int, host: str = LOOPBACK) -> Parts:
        """Return the QueueUrl on this link, and the parts of the account."""
        return replace(self._broker.parts(port, host), value=self.url_at(port, host), name=self.thing_name)

    def _found(self, body: bytes | str, attributes: Mapping[str, str]) -> str | None:
        """Return the declared key, inside the envelope of a topic too."""
        if self._key is None:
            return None
        around = envelope(body if isinstance(body, str) else body.decode("utf-8", "replace"))
        message = b"" if around is None else around.message.encode("utf-8", "surrogatepass")
        found = None if around is None else found_in(self._key, message, fields=around.texts)
        return found or super()._found(body, attributes)

    def _task(self, call: str, body: Body, like: str) -> bytes:
        """Return the message in which this version of Celery sends a task here; countdowns begin on the services' clock."""
        return celery.message(call, body, like=like, queue=self.thing_name, now=shown(self._context.stack.clock))

    def _group_of(self, payload: bytes) -> str | None:
        return None if self._group is None else self._group.find(payload)

    def _send(self, payload: bytes, key: str, attributes: Typed, ends: Ending) -> None:
        attempt = self._attempt(payload, key, attributes, ends, "SendMessage")
        extra: dict[str, Any] = {}
        if attributes:
            extra["MessageAttributes"] = {n: {"DataType": t, "StringValue": v} for n, (t, v) in attributes.items()}
        if self.fifo:
            extra["MessageGroupId"] = self._group_of(payload) or "default"
        try:
            answer = self._broker.call("send_message", QueueUrl=self.url, MessageBody=payload.decode(), **extra)
        except DiedError:
            return  # it is in doubt
        except ClientError as error:
            self._context.record(
                Event(kind="refused", queue=self.thing_name, key=attempt.key, wire="SendMessage", how=str(error))
            )
            return
        mid = str(answer["MessageId"])
        self._context.record(
            Event(kind="acknowledged", queue=self.thing_name, key=attempt.key or f"id:{mid}", wire="SendMessage", mid=mid)
        )

    def _give_back(self, to: Queue, times: int, drop: Set[str]) -> int:
        count = 0
        while True:
            found = self._broker.call("receive_message", QueueUrl=self.url, **ASKED).get("Messages", ())
            if not found:
                return count
            for message in found:
                for turn in range(times):
                    self._resend(to, message, drop, turn)
                self._broker.call("delete_message", QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                count += 1

    def _resend(self, to: Queue, message: Mapping[str, Any], drop: Set[str], turn: int) -> None:
        body = str(message["Body"])
        attributes = {name: one for name, one in message.get("MessageAttributes", {}).items() if name not in drop}
        to._redriven(body.encode(), {name: str(one.get("StringValue", "")) for name, one in attributes.items()})  # noqa: SLF001
        group: dict[str, str] = {}
        if self.fifo:  # as AWS does, under a deduplication id that no send had
            ident = f"{message['MessageId']}-{turn}"
            group = {"MessageGroupId": message["Attributes"]["MessageGroupId"], "MessageDeduplicationId": ident}
        extra: dict[str, Any] = {"MessageAttributes": attributes} if attributes else {}
        self._broker.call("send_message", QueueUrl=self.url_of(to), MessageBody=body, **extra, **group)

    def look(self) -> Look:
        """Return visible and delayed messages, and those in flight: LocalStack's counts are exact, whatever their names say."""
        if self._broker.has_forgotten(self):
            return Look(0)
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible"]
        found = self._broker.call("get_queue_attributes", QueueUrl=self.url, AttributeNames=names)["Attributes"]
        visible, delayed, in_flight = (int(found.get(name, 0)) for name in names)
        return Look(visible + delayed, in_flight)

    def gauge(self) -> Callable[[], int]:
        """Return what tells how many messages are visible; any thread may ask."""
        return lambda: self.look().ready

    def arrivals(self) -> Arrivals:
        """Return what tells of messages that arrive here; the peek changes nothing."""
        return Seen(lambda: map(self._dead, self._peek()))

    def glance(self, drain: int) -> Event:
        """Write every message in the queue, visible or not; the peek changes no receive count."""
        return self._written({"drain": drain})[1]

    def scan(self) -> int:
        """Write every message still in the queue, visible or not, into the journal; the peek changes no receive count."""
        return self._written({})[0]

    def _written(self, data: Mapping[str, object]) -> tuple[int, Event]:
        messages = [] if self._broker.has_forgotten(self) else self._peek()
        for message in messages:
            self._residue(message, data)
        scanned = Event(kind="scanned", queue=self.thing_name, data={"messages": len(messages), **data})
        return len(messages), self._context.record(scanned)

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

    def _dead(self, message: Mapping[str, Any]) -> Dead:
        body, mid = str(message["Body"]), str(message["MessageId"])
        texts = {name: value for name, (_, value) in _typed(message.get("MessageAttribute") or []).items()}
        around = envelope(body)
        return Dead(self._found(body, texts) or f"id:{mid if around is None else around.mid}", mid)

    def _residue(self, message: Mapping[str, Any], data: Mapping[str, object]) -> None:
        dead, body = self._dead(message), str(message["Body"])
        attributes = _typed(message.get("MessageAttribute") or [])
        system = {one["Name"]: one["Value"] for one in _listed(message.get("Attribute") or [])}
        self._context.record(
            Event(
                kind="residue",
                queue=self.thing_name,
                key=dead.key,
                mid=dead.mid,
                size=len(body),
                digest=digest(body),
                body=body[:1024],
                count=int(system.get("ApproximateReceiveCount", 0)),
                attributes=attributes or None,
                data=dict(data) or None,
            )
        )


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def _typed(found: Any) -> dict[str, tuple[str, str]]:
    return {
        one["Name"]: (one["Value"]["DataType"], str(one["Value"].get("StringValue", one["Value"].get("BinaryValue", ""))))
        for one in _listed(found)
    }
