"""Spring's own retries of a listener, for the tests of timers."""

from collections.abc import Iterator

from harness import Sandbox, Service
from harness.faults import status
from harness.model import Moment
from tests.timers.consumers import KEY, body, taking, to_work
from tests.timers.worlds import Events, come

WRITER = Service.named("esr-data-writer")["retries in place"]
RETRY = "SPRING_RABBITMQ_LISTENER_SIMPLE_RETRY"


def tried_again(sandbox: Sandbox, name: str, wanted: int, rounds: int) -> None:
    """A consumer's work fails, and it tries again by itself after a pause: twice for each message."""
    pauses = {f"{RETRY}_INITIAL_INTERVAL": f"{wanted}s", f"{RETRY}_MAX_INTERVAL": f"{wanted}s"}
    queue = sandbox.rabbitmq.queue(name, key=KEY)
    taking(WRITER, "TCS_URL", pauses)(sandbox, queue)
    sandbox.inject(status(to_work(name), 503))
    for number in range(1, 2 + rounds // 2):  # one by one: what lies prefetched for half an hour is the broker's timeout's
        queue.publish([body(number)])
        come(sandbox, [Moment(to_work(name).thing, "answered", 3, key=str(number))], 12 * wanted)


def paused(events: Events, name: str) -> Iterator[float]:
    """Yield what passed between an attempt that was to fail and the next on the same message: a pause and a little more."""
    tried: dict[str, float] = {}
    for one in events:
        if (one.kind, one.at, one.link) == ("requested", "near", str(to_work(name))):
            if one.key in tried:
                yield one.t - tried[one.key]
            tried[one.key] = one.t
