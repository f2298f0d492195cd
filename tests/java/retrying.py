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
    numbers = range(1, 2 + rounds // 2)
    queue.publish(body(number) for number in numbers)
    come(sandbox, [Moment(to_work(name).thing, "answered", 3, key=str(number)) for number in numbers], 6 * wanted * len(numbers))


def paused(events: Events, name: str) -> Iterator[float]:
    """Yield the pauses between an attempt that failed and the next on the same message."""
    ended: dict[str, float] = {}
    keys: dict[tuple[int, int], str] = {}
    for one in events:
        if one.at == "near" and one.link == str(to_work(name)):
            if one.kind == "requested":
                keys[one.conn, one.x] = one.key
                if one.key in ended:
                    yield one.t - ended[one.key]
            elif one.kind == "answered":
                ended[keys[one.conn, one.x]] = one.t
