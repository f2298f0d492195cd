"""What a tap remembers of one AMQP channel: messages under way, consumers, deliveries not settled, publishes not confirmed."""

from itertools import takewhile
from typing import NamedTuple

from harness.wire.amqp_content import Content

RETURNABLE = 1_000
"""Publishes without confirms that are remembered on a channel, should they come back."""


class Consumer(NamedTuple):
    """Who gets deliveries of a queue."""

    queue: str
    no_ack: bool


class Word(NamedTuple):
    """What a consumer said of a delivery in a transaction."""

    tag: int
    content: Content | None
    how: str
    wire: str


class Transaction:
    """What was sent and said since the one before ended."""

    __slots__ = ("sent", "words")

    def __init__(self) -> None:
        self.sent: list[Content] = []
        self.words: list[Word] = []


class Channel:
    """One channel of one connection. `dead`: a close passed; what comes until the answer to it is not processed by anybody."""

    __slots__ = (
        "cancelled", "consumers", "consuming", "dead", "ending", "getting", "last_queue", "lost", "mandatory", "next_tag",
        "number", "open", "receiving", "sending", "transaction", "unconfirmed",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.number = number
        self.dead = False
        self.next_tag = 0  # of the next publish; 0 without confirms
        self.unconfirmed: dict[int, Content] = {}
        self.lost = False  # a confirm was taken away: "and all before" would tell of it
        self.open: dict[int, Content] = {}
        self.consumers: dict[bytes, Consumer] = {}
        self.consuming: list[Consumer] = []  # a list is a tenth of a deque, and a connection may have 65,535 channels
        self.cancelled: frozenset[bytes] = frozenset()  # consumers whose last deliveries may still come
        self.mandatory: list[Content] = []  # publishes that only a Basic.Return would speak of
        self.transaction: Transaction | None = None
        self.ending: list[Transaction] = []  # the broker has not answered yet
        self.getting: list[Consumer] = []
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

    @property
    def consumes(self) -> bool:
        """Whether messages are handed out on this channel."""
        return not self.dead and any(tag not in self.cancelled for tag in self.consumers)

    def sent(self, one: Content, *, mandatory: bool) -> bool:
        """Remember a publish that the broker will speak of; tell whether it will say that it has it."""
        if self.next_tag:
            self.unconfirmed[self.next_tag] = one
            self.next_tag += 1
        elif self.transaction is not None:
            self.transaction.sent.append(one)
        else:
            if mandatory:
                self.mandatory.append(one)
                del self.mandatory[:-RETURNABLE]
            return False
        return True

    def returned(self, key: str) -> Content | None:
        """Return the oldest publish of this identity that may have come back: the broker does not say which it was."""
        open_ = [one for transaction in self.ending for one in transaction.sent]
        now_ = [] if self.transaction is None else self.transaction.sent
        return next((one for one in (*self.unconfirmed.values(), *open_, *now_, *self.mandatory) if one.key == key), None)

    def reopen(self, given: list[tuple[int, Content | None]]) -> None:
        """Take back what was settled: nobody said it."""
        self.open.update((tag, content) for tag, content in given if content is not None)
        self.open = dict(sorted(self.open.items()))

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
