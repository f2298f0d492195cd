"""One socket of a connection and one direction of it: how bytes are taken in, stopped at barriers and passed on, in order.

While a barrier holds or the receiver is slow, the sender's socket is not read: what is in memory is one chunk and the transport's
write buffer. Nothing is ever sent twice.
"""

import asyncio
import os
import select
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, Protocol, cast

from harness.clock import now
from harness.wire.sockets import end
from harness.wire.streams import Back, Close, Ending, Hold, Later, Quick, Side, Step
from harness.wire.weather import Course


class Owner(Protocol):
    """The connection that ends and pumps belong to; `over` once it was shut."""

    over: bool

    def received(self, side: Side, data: bytes) -> None:
        """Take what came from this side."""
        ...

    def finished(self, side: Side, how: Ending) -> None:
        """Take note that this side's socket has ended."""
        ...

    def congested(self, side: Side, *, full: bool) -> None:
        """Take note that this side is slower than what is written to it, or has caught up."""
        ...

    def ended(self, side: Side, how: Ending) -> None:
        """Take note that this side has ended and all that came before has gone on."""
        ...

    def stop(self, close: Close) -> None:
        """Carry out a session's Close."""
        ...

    def failed(self, error: Exception) -> None:
        """Give up, because the session raised."""
        ...


class End(asyncio.Protocol):
    """One socket of a connection, as the loop sees it; `socket` until it has its transport."""

    def __init__(self, side: Side, owner: Owner) -> None:
        self.side: Final[Side] = side
        self.socket: socket.socket | None = None
        self.transport: asyncio.Transport
        self._owner = owner
        self._reading = True
        self._number = -1
        self.got = 0
        self.sent = 0
        self.into: Course | None = None
        self.out: Course | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, which owns the socket from now on."""
        self.socket = None
        self.transport = cast("asyncio.Transport", transport)
        self._number = transport.get_extra_info("socket").fileno()

    def data_received(self, data: bytes) -> None:
        """Hand over what came in."""
        self.got += len(data)
        if self.into is not None:
            self.into.came(self.got)
        self._owner.received(self.side, data)

    def write(self, data: bytes) -> None:
        """Send at once what the socket takes, the rest when it can.

        The transport of uvloop sends at the end of the loop's round: after what is recorded once the bytes have gone on.
        """
        self.sent += len(data)
        if self.out is not None:
            self.out.left(self.sent, len(data))
        if not self.transport.get_write_buffer_size():
            try:  # noqa: SIM105 (on the way of every message; suppress() takes five times as long)
                data = data[os.write(self._number, data) :]
            except OSError:  # full, or gone: the transport knows what to do
                pass
        if data:
            self.transport.write(data)

    def eof_received(self) -> bool:
        """Hand over that the peer sends no more."""
        if self.into is not None:
            self.into.end_came()
        self._owner.finished(self.side, "fin")
        return True  # the other direction stays open: a half-close is passed on as one

    def connection_lost(self, exc: Exception | None) -> None:
        """Hand over that the socket is gone; with an error it was the peer who reset it."""
        self._owner.finished(self.side, "fin" if exc is None else "rst")

    def pause_writing(self) -> None:
        """Hand over that the peer is slower than what is written to it."""
        self._owner.congested(self.side, full=True)

    def resume_writing(self) -> None:
        """Hand over that the peer has caught up."""
        self._owner.congested(self.side, full=False)

    def write_eof(self) -> None:
        """End what is written to this socket; it can still be read."""
        if self.out is not None:
            self.out.ended()
        self.transport.write_eof()

    def end(self, *, rst: bool) -> None:
        """Close the transport, or the socket that has none yet."""
        if self.out is not None:
            self.out.ended()
        if self.socket is not None:
            self.socket.close()
        elif hasattr(self, "transport"):
            end(self.transport, rst=rst)

    def gone(self) -> bool:
        """Whether the peer has ended the connection, also where that was not read yet."""
        if self.transport.is_closing():
            return True
        asked = select.poll()
        asked.register(self.transport.get_extra_info("socket").fileno(), select.POLLRDHUP)
        return bool(asked.poll(0))

    def read(self, *, wanted: bool) -> None:
        """Read from this socket, or leave what comes in the kernel."""
        if wanted != self._reading and not self.transport.is_closing():
            self._reading = wanted
            if wanted:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()


class Pump:
    """One direction: what came from `source` goes through `take` and, step by step, to `sink`; `first` goes before it."""

    def __init__(
        self,
        take: Callable[[bytes], Iterator[Step]],
        source: End,
        sink: End,
        owner: Owner,
        *,
        first: Iterable[Step] = (),
        quick: Quick | None = None,
    ) -> None:
        self._take = take
        self._quick = quick
        self._source = source
        self._sink = sink
        self._owner = owner
        self._held: Iterator[Step] | None = iter(first)  # until the connection starts, nothing can go on
        self._waiting: deque[Callable[[], Iterator[Step]]] = deque()
        self._over = False
        self._ending: Ending | None = None
        self.full = False
        self.written: Callable[[bytes], None] | None = None
        self.swallows: Callable[[bytes], None] | None = None
        """Given what would go on, which then does not."""

    def feed(self, data: bytes) -> None:
        """Carry what came in; it waits while a barrier holds what came before."""
        if self._held is None:
            quick = self._quick
            if quick is not None and self._is_unnoticed() and quick.lets_pass(data):
                t = now()
                self._write(data)
                quick.put_off(data, t)
            else:
                self._carry(self._take(data))
        else:
            self._waiting.append(partial(self._take, data))

    def _is_unnoticed(self) -> bool:
        """Tell whether nothing is recorded of bytes as they go on; what is, comes behind what they mean."""
        out = self._sink.out
        return self.swallows is None and (out is None or not out.weathers)

    def finish(self, how: Ending) -> None:
        """Take note that the source has ended; it is told once all that came before has gone on."""
        if self._held is None:
            self._end(how)
        else:
            self._ending = how

    def _end(self, how: Ending) -> None:
        self._over = True
        self._owner.ended(self._source.side, how)

    def pace(self) -> None:
        """Read from the source as long as nothing holds and the sink takes what it is given."""
        self._source.read(wanted=not self.full and self._held is None)

    def _carry(self, steps: Iterator[Step]) -> None:
        try:
            for step in steps:
                if isinstance(step, bytes):
                    self._write(step)
                elif self._stops(step, steps):
                    return
        except Exception as error:  # noqa: BLE001 (a defect of a decoder becomes a gap in the journal, not a hang in the loop)
            self._owner.failed(error)

    def _stops(self, step: Step, steps: Iterator[Step]) -> bool:
        """Carry out a step that is no bytes; tell whether the steps behind it are not to be taken now."""
        if isinstance(step, Hold):
            if step.done.done():
                return False
            self._held = steps
            step.done.add_done_callback(partial(self._released, step))
            self.pace()
            return True
        if isinstance(step, Close):
            self._owner.stop(step)
            return True
        if isinstance(step, Later):
            step.hold.done.add_done_callback(partial(self._come, step.then))
        elif isinstance(step, Back):
            self._write_back(step.data)
        return False

    def _come(self, then: Callable[[], Iterator[Step]], _: object) -> None:
        """Carry out what was to come later, behind what a barrier holds now."""
        if self._held is not None:
            self._waiting.append(then)
        elif not self._over and not self._owner.over:
            self._carry(then())

    def _write(self, data: bytes) -> None:
        if self.swallows is not None:
            self.swallows(data)
        elif data and not self._sink.transport.is_closing():
            self._sink.write(data)
            if self.written is not None:
                self.written(data)

    def _write_back(self, data: bytes) -> None:
        if data and self.swallows is None and not self._source.transport.is_closing():
            self._source.write(data)

    def _released(self, hold: Hold, _: object) -> None:
        hold.cut = self._ending is not None or self._source.gone()
        self.go_on()

    def go_on(self) -> None:
        """Carry on with what waits: a barrier was released, or the connection starts."""
        steps, self._held = self._held, None
        if steps is not None and not self._owner.over:
            self._carry(steps)
        while self._waiting and self._flows():
            self._carry(self._waiting.popleft()())
        if self._flows():
            self.pace()
            if self._ending is not None:
                self._end(self._ending)

    def _flows(self) -> bool:
        return self._held is None and not self._owner.over
