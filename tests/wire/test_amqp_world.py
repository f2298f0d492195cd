"""A service and a broker that check each other, with rules that come and go between them: each sees a peer that keeps to AMQP."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.wire.rules import Name, Rule
from tests.wire.amqp_world import Connected, Draw, HoldingSink

LINK = "writer->tcs"
KINDS: list[tuple[Name, str | None]] = [
    ("request_lost", None),
    ("duplicate", None),
    ("held", None),
    ("latency", None),
    ("latency", "Basic.Publish"),
    ("reordered", None),
    ("answer_lost", None),
    ("answer_lost", "Basic.Deliver"),
]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


class Play:
    """What happens, at random: publishes, deliveries, words, confirms; rules that come and go."""

    def __init__(self, draw: Draw, loop: asyncio.AbstractEventLoop) -> None:
        self.draw = draw
        self.sink = HoldingSink(loop)
        self.world = Connected(self.sink, draw)
        self.world.settle()
        self.rules: list[Rule] = []
        self.published: list[str] = []
        self.delivered: list[str] = []

    def goes_on(self, steps: int) -> None:
        """Let so much happen, then let everything come to its end."""
        acts = [self.publish, self.deliver, self.settle, self.confirm, self.resume]
        for _ in range(steps):
            self.draw.choice([*acts * 3, self.arm, self.disarm])()
            for _ in range(self.draw.randint(0, 6)):
                self.world.move(60)
        for rule in self.rules:
            self.sink.book.disarm(rule.id)
        for hold in self.sink.paused:
            hold.release()
        self.world.settle()
        while self.world.service.open or any(self.world.broker.unconfirmed.values()):
            self.settle()
            self.confirm()
            self.world.settle()

    def publish(self) -> None:
        keys = [f"p-{len(self.published) + number}" for number in range(1, self.draw.randint(2, 3))]
        self.published += keys
        self.world.service.publish(self.draw, keys)

    def deliver(self) -> None:
        self.delivered.append(f"d-{len(self.delivered) + 1}")
        self.world.broker.deliver(self.delivered[-1])

    def settle(self) -> None:
        self.world.service.settle(self.draw)

    def confirm(self) -> None:
        self.world.broker.confirm(self.draw)

    def resume(self) -> None:
        for hold in self.sink.paused[: self.draw.randint(0, 3)]:
            hold.release()

    def arm(self) -> None:
        self.rules.append(drawn(self.draw, len(self.rules) + 1))
        self.sink.book.arm(self.rules[-1])

    def disarm(self) -> None:
        self.sink.book.disarm(f"f{self.draw.randint(1, 9)}")


def drawn(draw: Draw, number: int) -> Rule:
    name, on = draw.choice(KINDS)
    key = draw.choice([None, None, f"p-{draw.randint(1, 40)}", f"d-{draw.randint(1, 40)}"])
    times = draw.choice([None, 1, 2, 3])
    copies = draw.randint(1, 2)
    return Rule(id=f"f{number}", name=name, link=LINK, order=number, on=on, key=key, times=times, copies=copies, seconds=1.0)


def bitten(play: Play, name: str, *wires: str) -> Counter[str]:
    """Count by key what rules of this name did to these operations; copies are counted each."""
    of = {one.id: one.copies if name == "duplicate" else 1 for one in play.rules if one.name == name}
    found: Counter[str] = Counter()
    for event in play.sink.of("bit"):
        if event.fault in of and event.wire in wires:
            found[event.key] += of[event.fault]
    return found


def told(play: Play, kind: str, at: str, *fields: str) -> Counter[tuple[object, ...]]:
    """Count what a tap told of what really passed, by these fields."""
    return Counter(tuple(getattr(one, field) for field in fields) for one in play.sink.of(kind, at=at) if not one.fault)


@settings(max_examples=60, deadline=None)
@given(draw=st.randoms(use_true_random=True))
def test_each_side_sees_a_peer_that_keeps_to_the_protocol(loop: asyncio.AbstractEventLoop, draw: Draw) -> None:
    play = Play(draw, loop)
    play.goes_on(draw.choice([20, 60, 120]))
    service, broker = play.world.service, play.world.broker
    lost = bitten(play, "request_lost", "Basic.Publish")
    copies = bitten(play, "duplicate", "Basic.Publish")
    assert Counter(key for keys in broker.taken.values() for key in keys) == Counter(play.published) - lost + copies
    unconfirmed = Counter(key for waiting in service.unconfirmed.values() for key in waiting.values())
    assert unconfirmed == lost + bitten(play, "answer_lost", "Basic.Publish")
    unseen = bitten(play, "answer_lost", "Basic.Deliver")
    assert Counter(service.got) == Counter(play.delivered) - unseen + bitten(play, "duplicate", "Basic.Deliver")
    unheard = bitten(play, "request_lost", "Basic.Ack", "Basic.Nack")
    assert unseen <= Counter(broker.open.values()) <= unseen + unheard


@settings(max_examples=60, deadline=None)
@given(draw=st.randoms(use_true_random=True))
def test_both_taps_tell_of_the_same_messages_under_the_same_numbers(loop: asyncio.AbstractEventLoop, draw: Draw) -> None:
    play = Play(draw, loop)
    play.goes_on(60)
    assert play.sink.of("gap") == []
    assert told(play, "attempted", "far", "x", "key") <= told(play, "attempted", "near", "x", "key")
    assert told(play, "acknowledged", "near", "x", "key") <= told(play, "acknowledged", "far", "x", "key")
    assert told(play, "delivered", "near", "tag", "key") <= told(play, "delivered", "far", "tag", "key")
    assert told(play, "settled", "far", "tag", "key", "how") <= told(play, "settled", "near", "tag", "key", "how")
    assert len(told(play, "delivered", "far", "tag")) == len(play.delivered)
    assert [key for key, number in told(play, "settled", "near", "tag").items() if number > 1] == []
