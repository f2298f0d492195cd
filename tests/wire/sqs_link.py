"""Both taps of a link to AWS without sockets: what the service asks passes both, and so does what the broker answers."""

from harness.wire import sqs
from harness.wire.rules import Rule
from harness.wire.sqs_books import Memory
from tests.wire.sqs_calls import LINK
from tests.wire.taps import CollectingSink, Wire, tap


class Taps:
    """One connection through near and far tap; `asked` is what came to the broker, `got` what came back to the service."""

    def __init__(self, sink: CollectingSink, *rules: Rule, conn: int = 1, shared: dict[str, object] | None = None) -> None:
        self.sink = sink
        self.shared: dict[str, object] = {} if shared is None else shared
        self.near = Wire(sqs.session(tap(sink, *rules, at="near", link=LINK, conn=conn, shared=self.shared)))
        self.far = Wire(sqs.session(tap(sink, at="far", link=LINK, conn=conn, shared=self.shared)))

    @property
    def memory(self) -> Memory:
        """What the link remembers."""
        found = self.shared["sqs"]
        assert isinstance(found, Memory)
        return found

    def ask(self, data: bytes, *, by: int | None = None) -> bytes:
        """Send as the service; return what came to the broker."""
        return self.far.ask(self.near.ask(data, by=by), by=by)

    def reply(self, data: bytes, *, by: int | None = None) -> bytes:
        """Send as the broker; return what came to the service."""
        return self.near.reply(self.far.reply(data, by=by), by=by)

    def call(self, asked: bytes, replied: bytes) -> bytes:
        """Have the service ask and the broker answer; return what the service got."""
        before = len(self.near.to_service)
        if self.ask(asked):
            self.reply(replied)
        return self.near.to_service[before:]

    def story(self, *kinds: str) -> list[tuple[str, str, int, str, str]]:
        """Return what was recorded: tap, kind, number of the call, key, fault."""
        events = self.sink.of(*kinds) if kinds else self.sink.events
        return [(event.at, event.kind, event.x, event.key, event.fault) for event in events]
