"""One proxy: a listener, the connections through it, and its toxics. Names and requests are the collection's business."""

import asyncio
import errno
import socket

from harness.toxiproxy.embedded.chance import Chance
from harness.toxiproxy.embedded.connection import Connection
from harness.toxiproxy.embedded.listen import AddressError, connected, listener, resolved, shown
from harness.toxiproxy.embedded.text import Value, quoted
from harness.toxiproxy.embedded.toxics import DIRECTIONS, Refused, Toxic, created, set_attributes


class Proxy:
    """A way from `listen` to `upstream`; `enabled` while it listens. All methods are called in one loop."""

    def __init__(self, name: str, listen: str, upstream: str, seed: int) -> None:
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.enabled = False
        self._seed = seed
        self._toxics: list[Toxic] = []
        self._added = self._accepted = 0
        self._listener: socket.socket | None = None
        self._connections: set[Connection] = set()
        self._dialling: dict[asyncio.Task[None], socket.socket] = {}

    def written(self) -> str:
        """Return it as JSON."""
        return (
            f'{{"name":{quoted(self.name)},"listen":{quoted(self.listen)},"upstream":{quoted(self.upstream)},'
            f'"enabled":{"true" if self.enabled else "false"},"Logger":{{}},"toxics":{self.toxics_written()}}}'
        )

    # listening

    async def start(self) -> None:
        """Listen, if it does not. Raises Refused where it cannot."""
        if self.enabled:
            return
        try:
            found = await listener(self.listen)
        except AddressError as error:
            raise Refused(str(error), 500) from None
        self.stop()  # another request may have started it meanwhile
        self.listen, self.enabled, self._listener = shown(found), True, found
        asyncio.get_running_loop().add_reader(found, self._accept, found)

    def stop(self) -> None:
        """Refuse connections and close those there are; toxics stay."""
        self.enabled = False
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for task in list(self._dialling):
            task.cancel()
        for connection in list(self._connections):
            connection.close()
        self._connections.clear()

    async def differs(self, listen: str, upstream: str) -> bool:
        """Whether it would have to listen elsewhere, or lead elsewhere. Raises Refused for an address that means nothing."""
        try:
            place = await resolved(listen)
        except AddressError as error:
            raise Refused(str(error), 500) from None
        return self.listen != str(place) or self.upstream != upstream

    async def update(self, listen: str, upstream: str, *, enabled: bool) -> None:
        """Take new values; what differs ends all connections. Raises Refused; where binding fails, it is left disabled."""
        if await self.differs(listen, upstream):
            self.stop()
            self.listen, self.upstream = listen, upstream
        if enabled:
            await self.start()
        else:
            self.stop()

    def _accept(self, one: socket.socket) -> None:
        while True:
            try:
                client, _ = one.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in {errno.EMFILE, errno.ENFILE}:  # no descriptor left: they wait in the backlog
                    return
                continue  # this one was reset while it waited
            client.setblocking(False)  # noqa: FBT003 (its signature)
            self._accepted += 1
            task = asyncio.get_running_loop().create_task(self._dial(client, self._accepted))
            self._dialling[task] = client
            task.add_done_callback(self._dialled)

    async def _dial(self, client: socket.socket, number: int) -> None:
        """Reach the upstream for one client; where there is none to be reached, the client is closed."""
        try:
            upstream = await connected(self.upstream)
        except (AddressError, OSError):
            client.close()
            return
        connection = Connection(client, upstream, lambda toxic: self._chance(toxic, number), done=self._connections.discard)
        self._connections.add(connection)
        connection.start(self.toxics)

    def _dialled(self, task: "asyncio.Task[None]") -> None:
        client = self._dialling.pop(task)
        if task.cancelled():
            client.close()

    def _chance(self, toxic: Toxic, number: int) -> Chance:
        return Chance(self._seed, self.name, toxic.name, toxic.number, number)

    # toxics

    @property
    def toxics(self) -> list[Toxic]:
        """Its toxics: those of the upstream chain first, each chain in the order of its creation."""
        return [toxic for direction in DIRECTIONS for toxic in self._toxics if toxic.direction == direction]

    def toxics_written(self) -> str:
        """Return them as JSON."""
        return f"[{','.join(toxic.written() for toxic in self.toxics)}]"

    def toxic(self, name: str) -> Toxic:
        """Return one toxic. Raises Refused."""
        found = next((toxic for toxic in self.toxics if toxic.name == name), None)
        if found is None:
            message = "toxic not found"
            raise Refused(message, 404)
        return found

    def add_toxic(self, value: Value) -> Toxic:
        """Add the toxic that `value` describes, also to open connections. Raises Refused."""
        toxic = created(value)
        if any(one.name == toxic.name for one in self._toxics):
            message = "toxic already exists"
            raise Refused(message, 409)
        set_attributes(toxic, value)
        self._added += 1
        toxic.number = self._added
        self._toxics.append(toxic)
        for connection in list(self._connections):
            connection.add(toxic)
        return toxic

    def update_toxic(self, toxic: Toxic, value: Value) -> None:
        """Change a toxic, also on open connections. Raises Refused."""
        toxic.update(value)
        for connection in list(self._connections):
            connection.update(toxic)

    def remove_toxic(self, toxic: Toxic) -> None:
        """Take a toxic away, also from open connections."""
        self._toxics.remove(toxic)
        for connection in list(self._connections):
            connection.remove(toxic)
