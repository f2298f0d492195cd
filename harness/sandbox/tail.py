"""What has happened so far in a world, read from the journal as it grows. Reading is incremental; nothing is judged here."""

from pathlib import Path

import msgspec

from harness.history.events import Event
from harness.history.progress import Progress
from harness.recorder.client import World

_DECODER = msgspec.json.Decoder(Event)


class Tail:
    """Follows one journal; `progress` is the state after the last event that was flushed."""

    def __init__(self, world: World, journal: Path) -> None:
        self._world = world
        self._journal = journal
        self._offset = 0
        self.progress = Progress()

    def read(self) -> Progress:
        """Take in everything recorded so far."""
        self._world.flush()
        if not self._journal.exists():
            return self.progress
        with self._journal.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        lines = data[:end].splitlines()
        if self._offset == 0 and lines:
            del lines[0]  # the header
        self._offset += end
        for line in lines:
            self.progress.step(_DECODER.decode(line))
        return self.progress

    def subscribed(self, since: float) -> set[str]:
        """Return the names of the links on which a consumer has shown itself since then."""
        return {link for link, t in self.read().subscribed.items() if t >= since}
