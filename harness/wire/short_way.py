"""The short way over HTTP: bytes that nothing can change and nothing has to wait for go on first, and are read a little later."""

from abc import abstractmethod
from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from harness.clock import now
from harness.wire.exchange import Exchange, Lane
from harness.wire.streams import Hold, Quick, Side, Step, Tap
from harness.wire.telling import Telling

E = TypeVar("E", bound=Exchange)


class ShortWay(Telling, Generic[E]):
    """Who tells of both directions of a connection what may go on before it is read.

    `_open` are the requests without an answer, `_out` and `_back` what is kept of the message under way; `_barrier` is one that
    began at an answer, which the next request waits for too.
    """

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self._open: deque[E] = deque()
        self._out = Lane()
        self._back = Lane()
        self._barrier: Hold | None = None

    @abstractmethod
    def requested(self, data: bytes) -> Iterator[Step]:
        """Read bytes of requests, and yield what goes on."""
        ...

    @abstractmethod
    def answered(self, data: bytes) -> Iterator[Step]:
        """Read bytes of answers, and yield what goes on."""
        ...

    def is_plain(self, exchange: E) -> bool:
        """Tell whether the answer to this passes as it comes, whatever rules there will be."""
        return exchange.is_plain

    def interferes(self) -> bool:
        """Tell whether something other than a rule may change what passes."""
        return False

    def passes(self) -> bool:
        """Tell whether nothing that is under way can be changed or has to wait, so that bytes may go on before they are read."""
        tap = self.tap
        if tap.recorder.watched or tap.rules.armed(tap.link) or self._out.kept or self._back.kept or self.interferes():
            return False
        return not self._open or all(map(self.is_plain, self._open))

    def lets_request_pass(self, data: bytes) -> bool:
        """Tell whether these bytes of requests may go on before they are read."""
        del data
        return (self._barrier is None or self._barrier.done.done()) and self.passes()

    def lets_answer_pass(self, data: bytes) -> bool:
        """Tell whether these bytes of answers may go on before they are read."""
        del data
        return self.passes()

    def quick(self, by: Side) -> Quick:
        """Return the short way; see `Quickly`."""
        if by == "service":
            return Quick(self.lets_request_pass, self._put_off_request)
        return Quick(self.lets_answer_pass, self._put_off_answer)

    def from_service(self, data: bytes) -> Iterator[Step]:
        """Take bytes of requests; see `Session`."""
        if self.lets_request_pass(data):
            self._put_off_request(data, now())
            return iter((data,))
        return self.requested(data)

    def from_target(self, data: bytes) -> Iterator[Step]:
        """Take bytes of answers; see `Session`."""
        if self.lets_answer_pass(data):
            self._put_off_answer(data, now())
            return iter((data,))
        return self.answered(data)

    def _put_off_request(self, data: bytes, t: float) -> None:
        self.tap.recorder.later(self._note_requests, data, t)

    def _put_off_answer(self, data: bytes, t: float) -> None:
        self.tap.recorder.later(self._note_answers, data, t)

    def _note_requests(self, data: bytes, t: float) -> None:
        self.note(self.requested(data), t)

    def _note_answers(self, data: bytes, t: float) -> None:
        self.note(self.answered(data), t)
