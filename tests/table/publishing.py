"""Publishers that wait for nothing: pika on asyncio, what the broker says of each publish kept as it comes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection

from harness.clock import eventually

Word = tuple[str, int, bool]
"""What a broker said: Ack or Nack, of which publish of the channel, and whether of all before it too."""


class Publisher:
    """One connection with one channel that has confirms. `said` is what came back, `ended` why the channel was closed."""

    def __init__(self, parameters: pika.ConnectionParameters) -> None:
        self.said: list[Word] = []
        self.returned: list[bytes] = []
        self.ended: list[BaseException] = []
        self._ready = asyncio.get_running_loop().create_future()
        self._closed = asyncio.get_running_loop().create_future()
        self._connection = AsyncioConnection(
            parameters, on_open_callback=self._opened, on_close_callback=lambda *_: self._closed.set_result(None)
        )
        self.channel: Any = None

    def _opened(self, connection: AsyncioConnection) -> None:
        self.channel = connection.channel(on_open_callback=self._usable)
        self.channel.add_on_close_callback(lambda _, why: self.ended.append(why))
        self.channel.add_on_return_callback(lambda _, method, properties, body: self.returned.append(body))

    def _usable(self, channel: Any) -> None:
        channel.confirm_delivery(self._confirmed, callback=lambda _: self._ready.set_result(None))

    def _confirmed(self, frame: Any) -> None:
        self.said.append((frame.method.NAME.removeprefix("Basic."), frame.method.delivery_tag, frame.method.multiple))

    @property
    def is_gone(self) -> bool:
        return self._closed.done()

    def numbers(self) -> list[int]:
        """Return of which publishes something was said, as it came."""
        return [tag for _, tag, _ in self.said]

    def confirmed(self) -> list[int]:
        """Return which publishes were confirmed, in order of their numbers."""
        return sorted({number for _, tag, several in self.said for number in (range(1, tag + 1) if several else (tag,))})

    async def ready(self) -> None:
        await asyncio.wait_for(self._ready, 60)

    async def close(self) -> None:
        if not self.is_gone:
            self._connection.close()
            await asyncio.wait_for(self._closed, 60)


async def until(look: Callable[[], object], awaited: str) -> None:
    """Wait until this is so, while the clients go on."""
    await asyncio.to_thread(eventually, look, awaited=awaited, within=60)


def published(
    parameters: pika.ConnectionParameters, number: int, act: Callable[[Sequence[Publisher]], Awaitable[None]]
) -> list[Publisher]:
    """Open so many connections, do what is to be done with them, close them; return them for what they saw."""

    async def run() -> list[Publisher]:
        publishers = [Publisher(parameters) for _ in range(number)]
        for one in publishers:
            await one.ready()
        await act(publishers)
        for one in publishers:
            await one.close()
        return publishers

    return asyncio.run(run())
