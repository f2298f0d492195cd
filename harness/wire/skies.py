"""The weather over one link: which of its connections are looked at, reset, unplugged. What Toxiproxy does is not told here."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from harness.wire.pair import Pair
from harness.wire.pipe import Pipe
from harness.wire.streams import Hold, Seat, Session, Sink
from harness.wire.weather import Weather

MADE_HERE = frozenset({"reset", "half_open"})
"""Weather that the taps make themselves; the rest they only look at."""


FIRST_WORD = 1.0
"""Seconds a connection that is to be reset is given to say something, so that clients see the same each time."""

LAST_WORD = 0.2
"""Seconds of silence after which it has said it; head and body of a request are often sent one after the other."""


async def heard_out(service: socket.socket, session: Session) -> None:
    """Read from a new connection until it has said what it wants; the session records it, and nothing of it goes on."""
    patience = FIRST_WORD
    with contextlib.suppress(OSError):  # TimeoutError is one
        while data := await asyncio.wait_for(asyncio.get_running_loop().sock_recv(service, 65536), patience):
            patience = LAST_WORD
            for step in session.from_service(data):
                if isinstance(step, Hold):
                    await step.done


class Skies:
    """The weathers of one link, and the connections they come over. All methods are called in the link's loop."""

    def __init__(self, link: str, sink: Sink, far: Seat) -> None:
        self._link, self._sink, self._far = link, sink, far
        self._pairs: dict[int, Pair] = {}
        self._weathers: tuple[Weather, ...] = ()
        self._resetting: set[str] = set()
        self._awaited: Weather | None = None

    @property
    def resets(self) -> bool:
        """Whether new connections are reset."""
        return bool(self._resetting)

    def join(self, pair: Pair) -> None:
        """Take in a connection, or what has come of it since."""
        self._pairs[pair.conn] = pair
        if self._weathers:
            pair.watch(self._weathers, self._link, self._sink, self._far)
        if self._awaited is not None and pair.near is not None:
            pair.near.taken = self._look(pair.near)

    def leave(self, pair: Pair) -> None:
        """Forget a connection once nothing of it is left."""
        if not any(pair.connections()):
            self._pairs.pop(pair.conn, None)

    def begin(self, weather: Weather) -> None:
        """Have this weather from now on: at once over the connections there are, and over new ones (half_open: never)."""
        if weather.name == "reset":
            self._resetting.add(weather.id)
            for pair in list(self._pairs.values()):
                for connection in list(pair.connections()):
                    connection.break_off("target" if connection is pair.near else "service")
        elif weather.name == "half_open":
            self._unplug(weather)
        else:
            self._watch((*self._weathers, weather))

    def end(self, ident: str) -> None:
        """Have it no more; what was unplugged stays so. Harmless where there is none."""
        self._resetting.discard(ident)
        if self._awaited is not None and self._awaited.id == ident:
            self._await(None)
        if any(one.id == ident for one in self._weathers):
            self._watch(tuple(one for one in self._weathers if one.id != ident))

    def _watch(self, weathers: tuple[Weather, ...]) -> None:
        self._weathers = weathers
        for pair in self._pairs.values():
            pair.watch(weathers, self._link, self._sink, self._far)

    # ------------------------------------------------------------------ half_open

    def _near(self) -> list[Pipe]:
        return [pair.near for pair in self._pairs.values() if pair.near is not None and pair.near.plugged]

    def _unplug(self, weather: Weather) -> None:
        """Unplug all connections, or the one that carries the operation; where none does, the first that will."""
        if weather.on is None:
            for pipe in self._near():
                pipe.unplug(weather)
            return
        carrying = [pipe for pipe in self._near() if pipe.carries(weather.on)]
        if carrying:
            carrying[0].unplug(weather)
        else:
            self._await(weather)

    def _await(self, weather: Weather | None) -> None:
        self._awaited = weather
        for pipe in self._near():
            pipe.taken = None if weather is None else self._look(pipe)

    def _look(self, pipe: Pipe) -> Callable[[], None]:
        def look() -> None:
            weather = self._awaited
            if weather is not None and weather.on is not None and pipe.plugged and pipe.carries(weather.on):
                self._await(None)
                pipe.unplug(weather)

        return look
