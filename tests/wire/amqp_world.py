"""Both taps of one AMQP connection in memory, with a service and a broker (fakes) that keep to AMQP and check the other."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from pika import frame, spec

from harness.wire import amqp
from harness.wire.streams import Hold, Later, Session, Step
from tests.wire import amqp_bytes as b
from tests.wire.taps import CollectingSink, tap

PUBLISHING, CONSUMING, ALSO_PUBLISHING = 1, 2, 3
T = TypeVar("T")


class Draw(Protocol):
    """What is drawn at random."""

    def choice(self, seq: Sequence[T], /) -> T: ...

    def randint(self, a: int, b: int, /) -> int: ...

    def random(self) -> float: ...


class HoldingSink(CollectingSink):
    """Pauses end when the test says so; no loop runs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(queues=b.KEYED)
        self.paused: list[Hold] = []
        self._made_in = loop

    def pause(self, seconds: float) -> Hold:
        self.paused.append(Hold(self._made_in))
        return self.paused[-1]

    def until_disarmed(self, rule_id: str) -> Hold:
        hold = Hold(self._made_in)
        self.book.when_disarmed(rule_id, hold.release)
        return hold


class Side:
    """One end of the connection: what it was sent, frame by frame; what it says waits in `out`."""

    def __init__(self) -> None:
        self.out = b""
        self._got = b""
        self._begun: dict[int, object] = {}

    def take(self, data: bytes) -> None:
        self._got += data
        while True:
            size, one = frame.decode_frame(self._got)
            if not size:
                return
            self._got = self._got[size:]
            self._frame(one)

    def _frame(self, one: object) -> None:
        if isinstance(one, frame.Body):
            self.message(one.channel_number, self._begun.pop(one.channel_number), json.loads(one.fragment)["id"])
        elif isinstance(one, frame.Method):
            assert one.channel_number not in self._begun, "a method in the middle of a message"
            if isinstance(one.method, (spec.Basic.Deliver, spec.Basic.Publish)):
                self._begun[one.channel_number] = one.method
            else:
                self.method(one.channel_number, one.method)

    def message(self, channel: int, method: object, key: str) -> None: ...

    def method(self, channel: int, method: object) -> None: ...


def _all_to(numbers: dict[int, str], number: int, *, multiple: bool) -> list[int]:
    assert number in numbers, f"{number} is not open: {list(numbers)}"
    return [one for one in numbers if one <= number] if multiple else [number]


class Service(Side):
    """Publishes with confirms, consumes, and says something of what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.out = b.HELLO + b.select(PUBLISHING) + b.select(ALSO_PUBLISHING) + b.consume(CONSUMING, "jobs")
        self.unconfirmed: dict[int, dict[int, str]] = {PUBLISHING: {}, ALSO_PUBLISHING: {}}
        self.open: dict[int, str] = {}
        self.got: list[str] = []
        self._published = {PUBLISHING: 0, ALSO_PUBLISHING: 0}

    def publish(self, draw: Draw, keys: Sequence[str]) -> None:
        """Publish on one channel after the other, their frames mixed."""
        channels = (PUBLISHING, ALSO_PUBLISHING) if draw.random() < 0.5 else (ALSO_PUBLISHING, PUBLISHING)
        waiting = [self._frames(channel, key) for channel, key in zip(channels, keys, strict=False)]
        while any(waiting):
            self.out += draw.choice([one for one in waiting if one]).pop(0)

    def _frames(self, channel: int, key: str) -> list[bytes]:
        self._published[channel] += 1
        self.unconfirmed[channel][self._published[channel]] = key
        method = b.method(channel, spec.Basic.Publish(exchange="", routing_key="jobs"))
        header, body = b.content(channel, json.dumps({"id": key}).encode()).split(b"\xce", 1)
        return [method, header + b"\xce", body]

    def settle(self, draw: Draw) -> None:
        if self.open:
            tag = draw.choice(list(self.open))
            multiple = draw.random() < 0.4
            say = draw.choice([b.ack, b.nack])
            self.out += say(CONSUMING, tag, multiple=multiple)
            for one in _all_to(self.open, tag, multiple=multiple):
                del self.open[one]

    def message(self, channel: int, method: object, key: str) -> None:
        assert isinstance(method, spec.Basic.Deliver)
        self.got.append(key)
        assert method.delivery_tag == len(self.got)
        self.open[len(self.got)] = key

    def method(self, channel: int, method: object) -> None:
        if isinstance(method, spec.Basic.Ack):
            for one in _all_to(self.unconfirmed[channel], method.delivery_tag, multiple=method.multiple):
                del self.unconfirmed[channel][one]


class Broker(Side):
    """Hands out what it is told to, takes publishes, confirms them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: dict[int, str] = {}
        self.unconfirmed: dict[int, dict[int, str]] = {PUBLISHING: {}, ALSO_PUBLISHING: {}}
        self.taken: dict[int, list[str]] = {PUBLISHING: [], ALSO_PUBLISHING: []}
        self._given = 0

    def deliver(self, key: str) -> None:
        self._given += 1
        self.open[self._given] = key
        self.out += b.deliver(CONSUMING, self._given, json.dumps({"id": key}).encode())

    def confirm(self, draw: Draw) -> None:
        channel = draw.choice([PUBLISHING, ALSO_PUBLISHING])
        waiting = self.unconfirmed[channel]
        if waiting:
            number = draw.choice(list(waiting))
            multiple = draw.random() < 0.5
            self.out += b.ack(channel, number, multiple=multiple)
            for one in _all_to(waiting, number, multiple=multiple):
                del waiting[one]

    def message(self, channel: int, method: object, key: str) -> None:
        assert isinstance(method, spec.Basic.Publish)
        self.taken[channel].append(key)
        self.unconfirmed[channel][len(self.taken[channel])] = key

    def method(self, channel: int, method: object) -> None:
        if isinstance(method, spec.Basic.Consume):
            self.out += b.consume_ok(CONSUMING)
        elif isinstance(method, (spec.Basic.Ack, spec.Basic.Nack)):
            for one in _all_to(self.open, method.delivery_tag, multiple=method.multiple):
                del self.open[one]


class Connected:
    """Service, near tap, road, far tap, broker; bytes move in pieces, and what comes later comes when its wait is over."""

    def __init__(self, sink: HoldingSink, draw: Draw) -> None:
        shared: dict[str, object] = {}
        self.sink = sink
        self.service, self.broker = Service(), Broker()
        self._draw = draw
        self._near, self._far = (amqp.session(tap(sink, at=at, shared=shared)) for at in ("near", "far"))
        self._up = self._down = b""
        self._later: list[tuple[Later, Callable[[Iterator[Step]], None]]] = []

    def move(self, most: int) -> bool:
        """Move some of what is on the way; tell whether there is anything more."""
        act = self._draw.choice([self._ask_near, self._ask_far, self._reply_far, self._reply_near])
        act(self._draw.randint(1, most))
        self.come()
        return bool(self.service.out or self.broker.out or self._up or self._down)

    def come(self) -> None:
        """Carry out what has waited long enough."""
        ready = [one for one in self._later if one[0].hold.done.done()]
        self._later = [one for one in self._later if one not in ready]
        for later, carry in ready:
            carry(later.then())

    def settle(self) -> None:
        """Move everything there is."""
        while self.move(1 << 16):
            pass

    def _ask_near(self, size: int) -> None:
        data, self.service.out = self.service.out[:size], self.service.out[size:]
        self._near_up(self._asked(self._near, data))

    def _ask_far(self, size: int) -> None:
        data, self._up = self._up[:size], self._up[size:]
        self._far_up(self._asked(self._far, data))

    def _reply_far(self, size: int) -> None:
        data, self.broker.out = self.broker.out[:size], self.broker.out[size:]
        self._far_down(self._far.from_target(data) if data else iter(()))

    def _reply_near(self, size: int) -> None:
        data, self._down = self._down[:size], self._down[size:]
        self._near_down(self._near.from_target(data) if data else iter(()))

    @staticmethod
    def _asked(session: Session, data: bytes) -> Iterator[Step]:
        return session.from_service(data) if data else iter(())

    def _near_up(self, steps: Iterator[Step]) -> None:
        self._up += self._carried(steps, self._near_up)

    def _near_down(self, steps: Iterator[Step]) -> None:
        self.service.take(self._carried(steps, self._near_down))

    def _far_up(self, steps: Iterator[Step]) -> None:
        self.broker.take(self._carried(steps, self._far_up))

    def _far_down(self, steps: Iterator[Step]) -> None:
        self._down += self._carried(steps, self._far_down)

    def _carried(self, steps: Iterator[Step], again: Callable[[Iterator[Step]], None]) -> bytes:
        done = list(steps)
        self._later += [(step, again) for step in done if isinstance(step, Later)]
        return b"".join(step for step in done if isinstance(step, bytes))
