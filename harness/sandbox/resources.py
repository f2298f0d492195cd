"""Resources with ground truth as a scenario sees them: what a service changes, and where an alarm would ring."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from http.client import HTTPException

from pika.exceptions import AMQPError

from harness.address import LOOPBACK
from harness.errors import HarnessError, StackLostError, UsageError
from harness.history.events import Declaration, Event
from harness.model import Key, Link, Moment
from harness.sandbox.effects import Either
from harness.sandbox.instances import Instance
from harness.sandbox.queues import Queue
from harness.sandbox.things import Context, Usable
from harness.services.parts import Parts
from harness.wire.mails import check_key


class Resource(Usable):
    """Something a service acts on; the harness is its far side, so it knows what really changed."""

    def __init__(self, context: Context, name: str) -> None:
        super().__init__(context, name)
        context.name(self)

    def requested(self, nth: int = 1, *, key: str | None = None) -> Moment:
        """Return the moment at which the nth request is complete and nothing has changed yet."""
        return Moment(self.thing_name, "requested", nth, key=key)

    def effected(self, nth: int = 1, *, key: str | None = None) -> Moment:
        """Return the moment after the nth change and before its answer: what begins here leaves that request in doubt."""
        return Moment(self.thing_name, "effected", nth, key=key)

    def answered(self, nth: int = 1, *, key: str | None = None) -> Moment:
        """Return the moment at which the last byte of the nth answer has left for the service: a clean outage begins here."""
        return Moment(self.thing_name, "answered", nth, key=key)

    def __or__(self, other: "Resource") -> Either:
        return Either(self, other)

    def reach(self, link: Link) -> int:
        """Open the link to this resource; return the port of its near tap."""
        return self._context.open(link, "http", self.thing_name)

    def parts(self, port: int, host: str = LOOPBACK) -> Parts:
        """Return the URL of this resource on the near tap at `port`."""
        return Parts(value=f"http://{host}:{port}", host=host, port=port, name=self.thing_name)


class Http(Resource):
    """An HTTP resource: POST, PUT and PATCH change it, GET asks. Without a key it is only asked."""

    word = "the http resource"

    def __init__(self, context: Context, name: str, *, key: str | None, version: str | None) -> None:
        for spec in (key, version):
            if spec is not None:
                Key(spec)
        super().__init__(context, name)
        declaration = Declaration(what="resource", name=name, kind="http", key=key, version=version)
        context.declare(declaration)
        context.world.open_resource(name, "http", {"key": key, "version": version})

    def calls_back(self, instance: Instance, path: str, body: Mapping[str, object]) -> None:
        """Have this resource tell `instance` of each change from now on, as a provider does with its receipts.

        It posts `body` as JSON to `path` of the service's own port, with the key of the change for `{key}` in its texts. That is
        after the change and before its answer, so a receipt comes before a retry. What the service does not take is lost. Raises
        UsageError for a service without a port of its own and for what is no path.
        """
        if not path.startswith("/") or instance.service.ready != "http":
            message = (
                f"{self.thing_name}.calls_back({instance.thing_name}, {path!r}, ...): a path of a service whose service.toml says"
                f" ready = 'http'; {instance.thing_name} is ready on the {instance.service.ready}"
            )
            raise UsageError(message)
        Receipts(self._context, self, instance, f"POST {path}", json.dumps(body)).tell(1)


class Receipts:
    """What a resource tells a service of its changes, one after the other."""

    def __init__(self, context: Context, of: Http, to: Instance, call: str, text: str) -> None:
        self._context, self._of, self._to = context, of, to
        self._call, self._text = call, text

    def tell(self, nth: int) -> None:
        """Tell of the nth change, and of those after it."""
        self._context.world.watch(self._of.effected(nth), lambda event: self._happened(nth, event))

    def _happened(self, nth: int, event: Event) -> None:
        with contextlib.suppress(HarnessError, OSError, HTTPException):  # the world may be over, the service may be down
            self.tell(nth + 1)
            self._to.call(self._call, self._text.replace("{key}", json.dumps(event.key)[1:-1]).encode())


class Alarms(Resource):
    """A sink for alarms: every POST counts as one notice."""

    word = "the alarm sink"

    def __init__(self, context: Context, name: str) -> None:
        super().__init__(context, name)
        context.declare(Declaration(what="alarms", name=name, kind="alarms"))
        context.world.open_resource(name, "alarms", {})

    def watch(self, queue: Queue, *, above: int = 0, every: float = 60.0) -> None:
        """Ring when a queue has more than `above` messages ready, as an alarm of CloudWatch on its depth would.

        It is looked at every so many seconds, by the world's clock; one notice comes each time the depth has risen above. A drain
        waits for the look that is due. Raises UsageError for what is no depth or period.
        """
        if above < 0 or every <= 0:
            message = (
                f"{self.thing_name}.watch(queue, above={above!r}, every={every!r}): a depth of 0 or more, and seconds above 0"
            )
            raise UsageError(message)
        depth = DepthAlarm(self.thing_name, queue, above, every, self._context)
        self._context.due.append(depth.due)
        depth.begin()


class DepthAlarm:
    """One alarm on the depth of a queue, evaluated again and again."""

    def __init__(self, sink: str, queue: Queue, above: int, every: float, context: Context) -> None:
        self._sink, self._queue, self._above, self._every = sink, queue, above, every
        self._context = context
        self._gauge = queue.gauge()
        self._ringing = False

    def begin(self) -> None:
        """Evaluate it after each period from now on."""
        self._context.later(self._every, self._evaluate)

    def due(self) -> str:
        """Say that it will ring at the next look; to be asked by the test's own thread."""
        rises = not self._ringing and self._queue.look().ready > self._above
        return f"the alarm of {self._sink} on {self._queue.thing_name} rings at its next look" if rises else ""

    def _evaluate(self) -> None:
        # That a broker is gone, the sandbox's next act says.
        with contextlib.suppress(HarnessError, StackLostError, AMQPError, OSError):
            depth = self._gauge()
            if depth > self._above and not self._ringing:
                text = f"{self._queue.thing_name} has {depth} message(s), more than {self._above}"
                data: dict[str, object] = {"text": text, "sink": self._sink, "queue": self._queue.thing_name}
                self._context.record(Event(kind="noticed", data=data))
            self._ringing = depth > self._above
        self.begin()


class Mailbox(Resource):
    """A mailbox, reached by SMTP on links of its own: every mail it takes is an effect. `aws.mailbox` is reached by SES too."""

    word = "the mailbox"

    def __init__(self, context: Context, name: str, *, key: str | None, ses: bool = False) -> None:
        if key is not None:
            check_key(key)
        super().__init__(context, name)
        context.declare(Declaration(what="resource", name=name, kind="ses" if ses else "mailbox", key=key))
        context.world.open_resource(name, "mailbox", {"key": key})

    def reach(self, link: Link) -> int:
        """Open the link to this mailbox; return the port of its near tap."""
        return self._context.open(link, "smtp", self.thing_name)

    def parts(self, port: int, host: str = LOOPBACK) -> Parts:
        """Return the address of this mailbox on the near tap at `port`; it takes any user and password."""
        return replace(super().parts(port, host), value=f"smtp://{host}:{port}", user="user", password="password")  # noqa: S106 (any is right)
