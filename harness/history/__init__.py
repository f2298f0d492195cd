"""What happened in one sandbox, from its journal: the events, the story of one message, and the fold that checks read.

Nothing here judges. A `History` reads when it is first asked, so a world can be closed before.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from harness.history.events import Event, Header
from harness.history.journal import Journal
from harness.history.ledger import Ledger
from harness.history.story import told


class History:
    """The record of a run up to a drain.

    `prepare` is called once, before the journal is read: it closes the world, so that nothing happens while it is judged.
    `until` is the number of the last event that belongs to this phase (None: all); it is set when the next phase
    begins. `on_judged` gets one `judged` event for each verdict of a `require` and has to write it into the journal; where there
    is none, it is appended to the file here.
    """

    def __init__(
        self,
        journal: Path,
        *,
        reproduce: str = "",
        on_judged: Callable[[Event], None] | None = None,
        prepare: Callable[[], None] | None = None,
        until: int | None = None,
    ) -> None:
        self.path = journal
        self.reproduce = reproduce
        self.until = until
        self._on_judged = on_judged
        self._prepare = prepare
        self._ledger: Ledger | None = None
        self.truncated = False
        self.memo: dict[object, object] = {}
        """What was worked out from this history, by whoever did: judging the same promise twice costs once."""

    def __repr__(self) -> str:
        return f"History({str(self.path)!r})"

    @property
    def header(self) -> Header:
        """Which sandbox, scenario and variant this is. Raises JournalError."""
        return self._journal().header

    @property
    def drained(self) -> bool:
        """Whether the world came to rest: quiet, or steadily repeating itself. Raises JournalError."""
        return self.ledger().drained

    def events(self) -> Iterator[Event]:
        """Yield the events of this history in order. Raises JournalError."""
        for event in self._journal().events():
            if event.kind != "judged" and (self.until is None or event.n <= self.until):
                yield event

    def story(self, key: str) -> str:
        """Return what happened to one message, one line an event. Raises JournalError."""
        return told(self.events(), key)

    def ledger(self) -> Ledger:
        """Return the fold over all events; they are read once. Raises JournalError."""
        if self._ledger is None:
            journal = self._journal()
            ledger = Ledger(journal.header)
            ledger.take(journal.seen(), until=self.until)
            ledger.whole = self.events
            ledger.looks.settle(ledger.last_n)
            self.truncated = journal.truncated
            self._ledger = ledger
        return self._ledger

    def judged(self, events: Sequence[Event]) -> None:
        """Have `judged` events written into the journal."""
        if self._on_judged is None:
            self._journal().append(events)
            return
        for event in events:
            self._on_judged(event)

    def _journal(self) -> Journal:
        prepare, self._prepare = self._prepare, None
        if prepare is not None:
            prepare()
        return Journal(self.path)


__all__ = ["History"]
