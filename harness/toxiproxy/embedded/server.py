"""The embedded Toxiproxy: one loop with the API and all proxies, as a program or for a block of a test. Clients are elsewhere."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from harness.errors import StackError, UsageError
from harness.toxiproxy.embedded.api import Api
from harness.toxiproxy.embedded.collection import Proxies
from harness.toxiproxy.embedded.listen import shown
from harness.toxiproxy.embedded.serving import protocol
from harness.toxiproxy.embedded.text import TextError, read
from harness.toxiproxy.embedded.toxics import Refused

LOOP: Callable[[], asyncio.AbstractEventLoop] | None
try:
    from uvloop import new_event_loop as LOOP  # noqa: N812 (a constant of this module)
except ImportError:  # pragma: no cover (no wheel for this platform: the plain loop is slower, nothing else)
    LOOP = None


def run(host: str, port: int, *, seed: int, config: Path | None = None, tell: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM, then close everything and return. `tell` gets one line with the address once it serves.

    Raises StackError where it cannot listen, UsageError where the file of proxies cannot be read or its proxies not be made.
    """
    listed = None if config is None else _read(config)
    with asyncio.Runner(loop_factory=LOOP) as runner:
        runner.run(_serve(host, port, seed, listed, tell))


def _read(config: Path) -> bytes:
    try:
        return config.read_bytes()
    except OSError as error:
        message = f"the file of proxies {config} cannot be read: {error.strerror or error}"
        raise UsageError(message) from error


class Embedded:
    """The API and all proxies on a loop that runs already; made by `Embedded.start`."""

    def __init__(self, api: Api, server: asyncio.Server) -> None:
        self._api = api
        self._server = server

    @classmethod
    async def start(cls, host: str, port: int, *, seed: int, listed: bytes | None = None) -> "Embedded":
        """Serve from now on; port 0 is any free one. Raises what `run` does, with nothing left open then."""
        api = Api(seed)
        try:
            if listed is not None:
                await _populate(api.proxies, listed)
            return cls(api, await _listening(api, host, port))
        except BaseException:
            api.proxies.stop()
            raise

    @property
    def socket(self) -> socket.socket:
        """What the API listens on."""
        found: socket.socket = self._server.sockets[0]
        return found

    def stop(self) -> None:
        """Close the API, every proxy and every connection."""
        self._server.close()
        self._api.proxies.stop()


async def _serve(host: str, port: int, seed: int, listed: bytes | None, tell: Callable[[str], None]) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    embedded = await Embedded.start(host, port, seed=seed, listed=listed)
    try:
        tell(f"embedded Toxiproxy at {shown(embedded.socket)}, seed {seed}")
        await ended.wait()
    finally:
        embedded.stop()


async def _listening(api: Api, host: str, port: int) -> asyncio.Server:
    try:
        server: asyncio.Server = await asyncio.get_running_loop().create_server(protocol(api), host, port)
    except OSError as error:
        # Where binding fails, asyncio's own text is a second sentence around the system's.
        why = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else error.strerror
        message = f"port {port} of {host} cannot be used: {why}; choose another with --port, 0 is any free one"
        raise StackError(message) from error
    return server


async def _populate(proxies: Proxies, listed: bytes) -> None:
    try:
        await proxies.populate(read(listed))
    except (TextError, Refused) as error:
        message = f"the file of proxies: {error}; it is a list as POST /populate takes it, with name, listen and upstream of each"
        raise UsageError(message) from error
