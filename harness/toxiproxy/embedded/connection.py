"""One connection through a proxy: two sockets, and a link for each direction, which ends what its stream ends at."""

import asyncio
import socket
from collections.abc import Callable

from harness.toxiproxy.embedded.chance import Chance
from harness.toxiproxy.embedded.ends import End
from harness.toxiproxy.embedded.links import Link
from harness.toxiproxy.embedded.stages import stage
from harness.toxiproxy.embedded.toxics import Direction, Toxic


class Connection:
    """What one client has through a proxy, from when its upstream was reached until both sockets are closed."""

    def __init__(
        self,
        client: socket.socket,
        upstream: socket.socket,
        chance: Callable[[Toxic], Chance],
        *,
        done: Callable[["Connection"], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._client, self._upstream = End(client, loop, self._closed), End(upstream, loop, self._closed)
        self._chance = chance
        self._done = done
        self._links: dict[Direction, Link] = {
            "upstream": Link(self._client, self._upstream),
            "downstream": Link(self._upstream, self._client),
        }
        for link in self._links.values():
            link.source.outgoing = link
            link.sink.incoming = link

    def start(self, toxics: list[Toxic]) -> None:
        """Begin to carry bytes, through these toxics."""
        for toxic in toxics:
            self.add(toxic)
        for link in self._links.values():
            link.pump()

    def add(self, toxic: Toxic) -> None:
        """Put a toxic at the end of its direction's chain."""
        link = self._links[toxic.direction]
        link.add(stage(toxic, link, self._chance(toxic)))

    def update(self, toxic: Toxic) -> None:
        """Let a toxic act by what it says now."""
        self._links[toxic.direction].update(toxic)

    def remove(self, toxic: Toxic) -> None:
        """Let a toxic act no more."""
        self._links[toxic.direction].remove(toxic)

    def close(self) -> None:
        """Close both sockets now; what is held or unsent is lost."""
        self._stop()
        self._client.close()
        self._upstream.close()

    def _stop(self) -> None:
        for link in self._links.values():
            link.stop()

    def _closed(self) -> None:
        if self._client.closed and self._upstream.closed:
            self._stop()
            self._done(self)
