"""A tap without a link: a sink that only collects, and the steps of a session collected as bytes."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from harness.history.events import Declaration, Event
from harness.model import Key
from harness.wire.receipts import Receipts
from harness.wire.rules import Rule, RuleBook
from harness.wire.streams import Back, Close, Hold, Note, Postbox, Seat, Session, Step, Tap


class CollectingSink:
    """What the recorder would be told. `holds` says at which events a barrier begins; its Hold is then in `held`.

    `book` are the rules of the taps that tell it. Pauses and waits for the end of a rule are real; they need a running loop.
    """

    def __init__(self, *, queues: dict[str, str] | None = None, resources: dict[str, str | None] | None = None) -> None:
        self.events: list[Event] = []
        self.queues = queues or {}
        self.groups: dict[str, str] = {}
        self.resources = resources or {}
        self.loop: asyncio.AbstractEventLoop | None = None
        self.holds: Callable[[Event], bool] = lambda _: False
        self.held: list[Hold] = []
        self.mailbox: Postbox | None = None
        self.book = RuleBook()
        self.receipts: Receipts | None = None

    def record(self, event: Event) -> Hold | None:
        self.events.append(event)
        if self.loop is None or not self.holds(event):
            return None
        self.held.append(Hold(self.loop))
        return self.held[-1]

    @property
    def watched(self) -> tuple[str, ...]:
        return () if self.loop is None else ("a moment",)

    def later(self, take: Callable[[bytes, float], None], data: bytes, t: float) -> bool:
        if self.loop is None:
            take(data, 0.5)
        return self.loop is None

    def settle(self) -> None:
        """Do nothing: nothing is put off here."""

    def note(self, note: Note, size: int) -> None:
        del size
        event = note.event()
        if event is not None:
            self.events.append(event)

    def pause(self, seconds: float) -> Hold:
        loop = asyncio.get_running_loop()
        hold = Hold(loop)
        loop.call_later(seconds, hold.release)
        return hold

    def until_disarmed(self, rule_id: str) -> Hold:
        hold = Hold(asyncio.get_running_loop())
        self.book.when_disarmed(rule_id, hold.release)
        return hold

    def queue_key(self, broker: str, queue: str) -> Key | None:
        found = self.queues.get(f"{broker}:{queue}")
        return None if found is None else Key(found)

    def queue_group(self, queue: str) -> Key | None:
        found = self.groups.get(queue)
        return None if found is None else Key(found)

    def resource(self, name: str) -> Declaration | None:
        return Declaration(what="resource", name=name, key=self.resources[name]) if name in self.resources else None

    def postbox(self) -> Postbox | None:
        return self.mailbox

    def of(self, *kinds: str, at: str | None = None) -> list[Event]:
        return [event for event in self.events if event.kind in kinds and at in (None, event.at)]

    def story(self, *fields: str) -> list[tuple[object, ...]]:
        return [tuple(getattr(event, field) for field in fields) for event in self.events]


class Wire:
    """The two ends of a session: what went on to the target and came back to the service, and closes. Holds do not hold."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.to_target = b""
        self.to_service = b""
        self.closed: list[Close] = []

    def ask(self, data: bytes, *, by: int | None = None) -> bytes:
        """Send as the service, in chunks of `by` bytes; return what went on."""
        before = len(self.to_target)
        for chunk in cut(data, by):
            steps = list(self.session.from_service(chunk))
            self.to_target += self._bytes(steps)
            self.to_service += b"".join(step.data for step in steps if isinstance(step, Back))
        return self.to_target[before:]

    def reply(self, data: bytes, *, by: int | None = None) -> bytes:
        """Send as the target; return what went on."""
        before = len(self.to_service)
        for chunk in cut(data, by):
            self.to_service += self._bytes(self.session.from_target(chunk))
        return self.to_service[before:]

    def _bytes(self, steps: Iterable[Step]) -> bytes:
        done = list(steps)
        self.closed += [step for step in done if isinstance(step, Close)]
        return b"".join(step for step in done if isinstance(step, bytes))


def cut(data: bytes, by: int | None) -> Iterator[bytes]:
    size = by or max(1, len(data))
    for start in range(0, len(data), size):
        yield data[start : start + size]


def tap(
    sink: CollectingSink,
    *rules: Rule,
    at: Seat = "near",
    link: str = "writer->tcs",
    conn: int = 1,
    book: RuleBook | None = None,
    shared: dict[str, object] | None = None,
) -> Tap:
    sink.book = book or sink.book
    for rule in rules:
        sink.book.arm(rule)
    return Tap(link, at, conn, sink, sink.book, {} if shared is None else shared)
