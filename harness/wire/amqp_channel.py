"""What a tap remembers of one AMQP channel: messages under way, consumers, deliveries not settled, publishes not confirmed."""

from collections import deque
from itertools import takewhile
from typing import NamedTuple

from harness.wire.amqp_content import Content


class Consumer(NamedTuple):
    """Who gets deliveries of a queue."""

    queue: str
    no_ack: bool


class Channel:
    """One channel of one connection. `dead`: a close passed; what comes until the answer to it is not processed by anybody."""

    __slots__ = (
        "consumers", "consuming", "dead", "getting", "last_queue", "lost", "next_tag", "number", "open", "receiving", "sending",
        "unconfirmed",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.number = number
        self.dead = False
        self.next_tag = 0  # of the next publish; 0 without confirms
        self.unconfirmed: dict[int, Content] = {}
        self.lost = False  # a confirm was taken away: "and all before" would tell of it
        self.open: dict[int, Content] = {}
        self.consumers: dict[bytes, Consumer] = {}
        self.consuming: deque[Consumer] = deque()
        self.getting: deque[Consumer] = deque()
        self.last_queue = ""
        self.sending: Content | None = None
        self.receiving: Content | None = None

    def die(self) -> None:
        """Break off what is under way: nobody processes it any more."""
        self.dead = True
        self.sending = self.receiving = None

    def queue(self, named: str) -> str:
        """Return the queue a method means; the empty name is the last one declared on this channel."""
        return named or self.last_queue

    def sent(self, one: Content) -> None:
        """Remember a publish that will be confirmed."""
        if self.next_tag:
            self.unconfirmed[self.next_tag] = one
            self.next_tag += 1

    def confirmed(self, tag: int, *, multiple: bool) -> list[tuple[int, Content]]:
        """Return and forget the publishes that a confirm means."""
        return _taken(self.unconfirmed, tag, multiple=multiple)

    def settled(self, tag: int, *, multiple: bool) -> list[tuple[int, Content | None]]:
        """Return and forget the deliveries that a consumer's word means; of one that is not known, None."""
        known = _taken(self.open, tag, multiple=multiple)
        return [*known] if known or multiple else [(tag, None)]


def _taken(waiting: dict[int, Content], tag: int, *, multiple: bool) -> list[tuple[int, Content]]:
    if not multiple:
        return [(tag, waiting.pop(tag))] if tag in waiting else []
    # Tags were put in ascending, so the first ones are meant; 0 means all.
    meant = list(waiting) if tag == 0 else list(takewhile(lambda one: one <= tag, waiting))
    return [(one, waiting.pop(one)) for one in meant]
