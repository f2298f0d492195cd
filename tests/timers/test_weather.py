"""What a fault takes is told in seconds of the world too: twenty times faster, it takes a twentieth of the machine's."""

from collections.abc import Iterator, Sequence

import pytest

from harness import Fault, Link, Sandbox, Service
from harness.faults import bandwidth, latency, outage, timeout
from harness.history.events import Event
from tests.timers.quick import SLOWER, Quick

TCS = Link("esr-writer", "tcs")
SECONDS, JITTER = 20.0, 4.0
PATIENT = {"TCS_TIMEOUT": "2000"}
WEATHER = [
    latency(TCS, SECONDS, jitter=JITTER),
    latency(TCS, SECONDS, on="POST", times=1),
    timeout(TCS, seconds=SECONDS),
    bandwidth(TCS, 1000),
]
BODY = {"placementId": 7, "filename": "x" * round(SECONDS * 1000)}
"""What takes so many seconds at a thousand bytes in each."""


def told(sandbox: Sandbox, fault: Fault) -> None:
    """One placement is recorded through this weather, or the attempt at it ends."""
    tcs = sandbox.http("tcs", key="/placementId")
    exported = sandbox.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs, dead_letter="dead")
    uses = {"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs}
    sandbox.start(Service.named("esr-writer"), uses=uses, environment=PATIENT)
    sandbox.inject(fault)
    exported.publish([BODY])
    sandbox.until(exported.settled(), within=20 * SECONDS)


def attempts(events: Sequence[Event]) -> Iterator[float]:
    """Yield how long after its request each attempt had its answer, or lost its connection."""
    begun: dict[int, float] = {}
    for one in events:
        if (one.at, one.link, one.kind) == ("near", str(TCS), "requested"):
            begun[one.conn] = one.t
        elif (one.at, one.link) == ("near", str(TCS)) and one.kind in {"answered", "closed"} and one.conn in begun:
            yield one.t - begun.pop(one.conn)


@pytest.mark.parametrize("fault", WEATHER, ids=str)
def test_weather_is_as_slow_as_it_says_on_the_clock_of_the_world(quick: Quick, fault: Fault):
    took = list(attempts(quick(lambda sandbox: told(sandbox, fault))))

    assert SECONDS - JITTER <= took[0] < SLOWER * SECONDS


def test_a_fault_lasts_as_long_as_it_says(quick: Quick):
    def waited(sandbox: Sandbox) -> None:
        told(sandbox, outage(TCS, lasts=SECONDS))
        sandbox.drain()

    events = quick(waited)
    began, ended = (one.t for one in events if one.kind == "fault" and one.how in {"began", "ended"})

    assert SECONDS <= ended - began < SLOWER * SECONDS
