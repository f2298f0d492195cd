"""Topics of SNS in a sandbox's account: what is published to one comes to every queue that is subscribed and wants it."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from botocore.exceptions import ClientError

from harness.address import LOOPBACK
from harness.errors import UsageError
from harness.history.events import Declaration, Event
from harness.model import Link, Moment
from harness.sandbox.queues import Body, Ending, Queue, encode, expected, sender
from harness.sandbox.things import Context, Usable
from harness.services.parts import Parts

if TYPE_CHECKING:
    from harness.sandbox.aws import Aws

NAME = re.compile(r"[A-Za-z0-9_-]{1,251}(\.fifo)?")


class Subscription(NamedTuple):
    """A queue of a topic, and the values its filter policy wants of message attributes."""

    queue: Queue
    only: Mapping[str, Sequence[str]]

    def takes(self, attributes: Mapping[str, str]) -> bool:
        """Tell whether a message with these attributes comes to the queue."""
        return all(attributes.get(name) in wanted for name, wanted in self.only.items())


class Topic(Usable):
    """A topic in the sandbox's account; made by `sandbox.aws.topic`. Wired to a service, it is its ARN."""

    word = "the topic"

    def __init__(self, broker: "Aws", context: Context, name: str) -> None:
        if not NAME.fullmatch(name):
            message = f"SNS topic {name!r}: a name has letters, digits, - and _, and .fifo at the end of a FIFO topic's"
            raise UsageError(message)
        super().__init__(context, name)
        self._broker = broker
        self._subscriptions: list[Subscription] = []
        self.fifo = name.endswith(".fifo")
        self.arn = broker.arn("sns", name)
        context.name(self)
        fifo = {"FifoTopic": "true", "ContentBasedDeduplication": "true"} if self.fifo else {}
        self._call("create_topic", Name=name, Attributes=fifo)
        context.ends.append(lambda: self._call("delete_topic", TopicArn=self.arn))
        context.declare(Declaration(what="exchange", name=name, broker="aws", kind="sns", fifo=self.fifo))

    def subscribe(self, queue: Queue, *, raw: bool = False, only: Mapping[str, Sequence[str]] | None = None) -> None:
        """Subscribe one more queue. Raises UsageError where SNS would not: a FIFO queue takes from FIFO topics only."""
        if queue.thing_name.endswith(".fifo") and not self.fifo:
            message = f"{self.described} cannot lead to {queue.described}: a FIFO queue takes from FIFO topics only"
            raise UsageError(message)
        if any(one.queue is queue for one in self._subscriptions):
            message = f"{queue.described} is subscribed to {self.described} already"
            raise UsageError(message)
        policy = {name: list(wanted) for name, wanted in (only or {}).items()}
        attributes = {"RawMessageDelivery": str(raw).lower()} | ({"FilterPolicy": json.dumps(policy)} if policy else {})
        endpoint = self._broker.arn("sqs", queue.thing_name)
        self._call("subscribe", TopicArn=self.arn, Protocol="sqs", Endpoint=endpoint, Attributes=attributes)
        self._subscriptions.append(Subscription(queue, policy))
        data: dict[str, object] = {"exchange": self.thing_name, "arguments": policy}
        self._context.record(Event(kind="bound", queue=queue.thing_name, data=data))
        keys = {self._context.declared[one.queue.thing_name].key for one in self._subscriptions}
        declared = self._context.declared[self.thing_name]
        self._context.declare(msgspec.structs.replace(declared, key=keys.pop() if len(keys) == 1 else None))

    def _call(self, operation: str, **arguments: Any) -> Any:
        return self._broker.call(operation, service="sns", **arguments)

    @property
    def places(self) -> tuple[Usable, ...]:
        """Where something changes when this is an effect: in its queues."""
        return tuple(one.queue for one in self._subscriptions)

    @property
    def road(self) -> Usable:
        """The account: a topic is reached over the same link as its queues."""
        return self._broker

    def reach(self, link: Link) -> int:
        """Open the link to the account; return the port of its near tap."""
        return self._broker.reach(link)

    def parts(self, port: int, host: str = LOOPBACK) -> Parts:
        """Return the ARN of the topic, and the parts of the account on this link."""
        return replace(self._broker.parts(port, host), value=self.arn, name=self.thing_name)

    def sent(self, nth: int = 1, *, key: str | None = None) -> Moment:
        """Return the moment at which SNS has taken the nth message."""
        return Moment(self.thing_name, "sent", nth, key=key)

    def publish(
        self,
        bodies: Iterable[Body],
        *,
        by: Usable | None = None,
        attributes: Mapping[str, str] | None = None,
        ends: Ending = "effected",
    ) -> None:
        """Publish every body, in order, and wait until SNS has taken it; it is owed by each queue that wants it.

        Arguments and errors are those of `Queue.publish`.
        """
        self._context.act()
        for body in bodies:
            payload, given = encode(body), attributes or {}
            wanting = [one.queue for one in self._subscriptions if one.takes(given)]
            keys = {queue.thing_name: queue.key_of(payload, given) for queue in wanting}
            if by is None:
                self._publish(payload, keys, given, ends)
            else:
                self._told(by, payload, keys, ends)

    def _told(self, by: Usable, payload: bytes, keys: Mapping[str, str], ends: Ending) -> None:
        send = sender(by)
        for queue, key in keys.items():
            self._context.record(expected(queue, key, ends))
        send(self.thing_name, payload)

    def _publish(self, payload: bytes, keys: Mapping[str, str], attributes: Mapping[str, str], ends: Ending) -> None:
        text = payload.decode()
        typed = {name: ("String", value) for name, value in attributes.items()}
        for queue, key in keys.items():
            data: dict[str, object] = {"ends": ends, "exchange": self.thing_name}
            self._record("attempted", queue, key, size=len(payload), body=text[:1024], attributes=typed or None, data=data)
        extra: dict[str, Any] = {"MessageGroupId": "default"} if self.fifo else {}
        given = {name: {"DataType": kind, "StringValue": value} for name, (kind, value) in typed.items()}
        try:
            answer = self._call("publish", TopicArn=self.arn, Message=text, MessageAttributes=given, **extra)
        except ClientError as error:
            for queue, key in keys.items():
                self._record("refused", queue, key, how=str(error))
            return
        mid = str(answer["MessageId"])
        for queue, key in keys.items():
            self._record("acknowledged", queue, key or f"id:{mid}", mid=mid)

    def _record(self, kind: Any, queue: str, key: str, **more: Any) -> None:
        self._context.record(Event(kind=kind, at="harness", wire="Publish", queue=queue, key=key, **more))
