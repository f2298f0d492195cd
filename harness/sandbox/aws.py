"""SQS in a sandbox: an AWS account of its own, which LocalStack makes of a 12-digit access key, and the queues declared in it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ConnectionClosedError
from localstack_client.session import Session

from harness.address import LOOPBACK
from harness.errors import UsageError
from harness.history.events import Declaration
from harness.model import Link
from harness.sandbox import contracts
from harness.sandbox.brokers import Brokers
from harness.sandbox.contracts import Contract
from harness.sandbox.effects import Effect, named
from harness.sandbox.options import told_by_name
from harness.sandbox.queues import Role
from harness.sandbox.resources import Mailbox
from harness.sandbox.sqs import SqsQueue
from harness.sandbox.things import Context, Usable
from harness.sandbox.topics import Topic
from harness.services.parts import REGION, Parts

AGAIN = 2
"""Starts of a LocalStack of this sandbox's own, from which on it may have forgotten what was made in it."""

LOOKS = ("get_", "list_")
"""How operations begin that change nothing, so that one whose connection was closed may be made again."""

SECRET = "test"  # noqa: S105 (LocalStack does not check signatures; every SDK wants one)
VISIBILITY_MAX = 43_200
RETENTION = (60, 1_209_600)
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}(\.fifo)?")


class Aws(Usable):
    """The sandbox's own AWS account; `queue` creates in it."""

    word = "the account"

    def __init__(self, context: Context, brokers: Brokers) -> None:
        super().__init__(context, "aws")
        self._brokers = brokers
        self._clients: dict[str, Any] = {}

    @told_by_name
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
        contract: Contract | None = None,
    ) -> SqsQueue:
        """Create a queue, and its dead-letter queue where that is new; FIFO with content-based deduplication if named so.

        Times are seconds. `group` says where a published message's MessageGroupId stands in its body, and so which messages
        `in_order` takes for one group, whatever a service sends; `contract` is what `conforms` holds messages against, an
        AsyncAPI message object or its file. Raises UsageError beyond AWS's own limits, also where LocalStack would not mind, and
        for what is no contract.
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
            group=group,
            contract=contracts.contract(name, contract),
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

    def _create(self, queue: SqsQueue, declaration: Declaration) -> None:
        self._context.name(queue)
        declaration.broker = "aws"
        declaration.fifo = queue.fifo
        self._context.declare(declaration)
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"} if queue.fifo else {}
        self.call("create_queue", QueueName=queue.thing_name, Attributes={**queue.attributes, **fifo})
        self._context.ends.append(lambda: self._delete(queue))

    def _delete(self, queue: SqsQueue) -> None:
        if not self.has_forgotten(queue):
            self.call("delete_queue", QueueUrl=queue.url)

    def topic(
        self,
        name: str,
        *,
        to: SqsQueue | Sequence[SqsQueue],
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
        """Call SQS (or SNS) with the harness's own client, straight to LocalStack.

        Raises StackLostError when it is gone; one of this sandbox's own is waited for, if it is to come back, and DiedError says
        that it died meanwhile.
        """
        self._brokers.starts(self.thing_name)
        made = getattr(self._client(service), operation)
        try:
            try:
                return made(**arguments)
            except ConnectionClosedError:  # LocalStack ends a connection that was idle for a minute, perhaps just then
                if not operation.startswith(LOOKS):
                    raise
                return made(**arguments)
        except (BotoCoreError, OSError) as error:
            raise self._brokers.lost(self.thing_name, f"LocalStack at {self._context.stack.localstack}", error) from error

    def has_forgotten(self, queue: SqsQueue) -> bool:
        """Tell whether it was started again since it made this queue, and has nothing of it: LocalStack keeps nothing."""
        if self._brokers.starts(self.thing_name) < AGAIN:
            return False
        found = self.call("list_queues", QueueNamePrefix=queue.thing_name).get("QueueUrls", ())
        return not any(url.endswith(f"/{queue.thing_name}") for url in found)

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
            made = self._clients[service] = session.client(service, config=config, endpoint_url=f"http://{address}")
            made.meta.events.register("before-send", _once)
        return self._clients[service]

    def reach(self, link: Link) -> int:
        """Open the link to SQS; return the port of its near tap."""
        address = self._context.stack.localstack
        return self._context.open(link, "sqs", (address.host, address.port))

    def parts(self, port: int, host: str = LOOPBACK) -> Parts:
        """Return the endpoint on the near tap at `port`, with the account's credentials as user and password."""
        return Parts(
            value=f"http://{host}:{port}",
            host=host,
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


def _once(request: Any, **_: object) -> None:
    """Have a connection serve one call: an emulator on a quick clock ends idle ones so soon that it would be as we use them."""
    request.headers["Connection"] = "close"
