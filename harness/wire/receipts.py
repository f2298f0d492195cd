"""What AWS knows of the receipt handles of FIFO queues, as far as the far taps of a world saw it: whose time is over for sure."""

from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass

from harness.history.deadlines import tick
from harness.wire.aws import Call, Entry, Received, Reply, handle_tag

REMEMBERED = 20_000
NEVER = float("inf")
LOOK_AGAIN = 1.0
"""Seconds between two looks at all that is remembered."""
FIFO = ".fifo"


@dataclass(slots=True)
class Receipt:
    """One delivery: expired for sure after `hi`, or at once where the message was handed out again (`superseded`).

    `asked`: extensions of which the broker has not said yet whether they hold.
    """

    queue: str
    mid: str
    hi: float
    superseded: bool = False
    asked: int = 0


class Receipts:
    """The deliveries of one world, all its links together. Times are production seconds; `now` reads the world's clock."""

    def __init__(self, speed: float, now: Callable[[], float], timeout: Callable[[str], float | None]) -> None:
        self.now = now
        self._tick = tick(speed)
        self._timeout = timeout
        self._set: dict[str, float] = {}
        self._all: OrderedDict[str, Receipt] = OrderedDict()
        self._newest: dict[tuple[str, str], str] = {}
        self._soonest = NEVER
        self._looked = 0.0

    def may_be_over(self) -> bool:
        """Tell whether the time of some handle may be over: where not, no settlement has to be looked at."""
        t = self.now()
        if self._soonest < t and self._looked + LOOK_AGAIN < t:
            self._looked = t
            self._soonest = min((0.0 if one.superseded else one.hi for one in self._all.values()), default=NEVER)
        return self._soonest < t

    def is_superseded(self, entry: Entry) -> bool:
        """Tell whether the message was handed out again, under another handle."""
        one = self._all.get(handle_tag(entry.handle))
        return one is not None and one.superseded

    def is_over(self, entry: Entry) -> bool:
        """Tell whether the time of a handle is over for sure."""
        one = self._all.get(handle_tag(entry.handle))
        return one is not None and (one.superseded or (not one.asked and one.hi < self.now()))

    # ------------------------------------------------------------------------------------------------------- what passed

    def asked(self, call: Call, refused: Container[str] = ()) -> None:
        """Take note of extensions that are asked for; `refused` are the entries (by Id) that the broker will not hear of."""
        if call.act == "ChangeMessageVisibility" and call.queue.endswith(FIFO):
            for entry in call.entries:
                one = self._receipt(entry)
                if one is not None and entry.id not in refused:
                    one.asked += 1

    def replied(self, call: Call, reply: Reply, t: float, refused: Container[str] = ()) -> None:
        """Take note of what the broker answered at `t`; nothing of the entries that it did not hear of."""
        if call.settings and reply.ok:
            timeout = call.settings.get("VisibilityTimeout", "")
            if timeout.isascii() and timeout.isdigit():
                self._set[call.queue] = float(timeout)
        if not call.queue.endswith(FIFO):
            return
        for message in reply.messages:
            self._handed_out(call, message, t)
        entries = {entry.id: entry for entry in call.entries}
        for outcome in reply.outcomes if not call.is_send else ():
            if outcome.ok is not None and outcome.id in entries and outcome.id not in refused:
                self._settled(call, entries[outcome.id], t, done=outcome.ok)

    def _handed_out(self, call: Call, message: Received, t: float) -> None:
        tag, place = handle_tag(message.handle), (call.queue, message.mid)
        timeout = call.visibility
        if timeout is None:
            timeout = self._set.get(call.queue, self._timeout(call.queue))
        before = self._all.get(self._newest.get(place, ""))
        if before is not None:
            before.superseded, self._soonest = True, 0.0
        self._newest[place] = tag
        self._keep(tag, Receipt(call.queue, message.mid, NEVER if timeout is None else t + timeout + self._tick))

    def _keep(self, tag: str, receipt: Receipt) -> None:
        self._all[tag] = receipt
        self._soonest = min(self._soonest, receipt.hi)
        if len(self._all) > REMEMBERED:
            old, one = self._all.popitem(last=False)
            self._forget_newest(old, one)

    def _settled(self, call: Call, entry: Entry, t: float, *, done: bool) -> None:
        one = self._receipt(entry)
        if one is None:
            return
        if call.act == "ChangeMessageVisibility":
            one.asked -= 1
            if done:
                one.hi = t + (entry.visibility or 0.0) + self._tick
                self._soonest = min(self._soonest, one.hi)
        elif done:
            tag = handle_tag(entry.handle)
            del self._all[tag]
            self._forget_newest(tag, one)

    def _receipt(self, entry: Entry) -> Receipt | None:
        return self._all.get(handle_tag(entry.handle))

    def _forget_newest(self, tag: str, one: Receipt) -> None:
        if self._newest.get((one.queue, one.mid)) == tag:
            del self._newest[one.queue, one.mid]
