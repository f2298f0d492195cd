"""The same connections through the original and the embedded server: equal bytes, equal ends, and times of the same size."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from tests.toxiproxy.transfers import SILENCE, Seen, transfer

ECHO, LOAD = 1_000, 100_000
SLACK = 5.0
"""Seconds by which a busy machine may be late."""


class Case(NamedTuple):
    """Toxics, bytes to send and to be answered (0: an echo), and the least seconds it takes by what the toxics say.

    `race`: the upstream may still send when its connection is closed, so that it sees an end or a reset, in both servers.
    """

    toxics: list[dict[str, Any]]
    sends: int
    answer: int
    least: float = 0.0
    race: bool = False


def toxic(kind: str, stream: str = "downstream", toxicity: float = 1.0, name: str = "", **attributes: int) -> dict[str, Any]:
    return {"type": kind, "stream": stream, "toxicity": toxicity, "name": name or f"{kind}_{stream}", "attributes": attributes}


CASES = {
    "nothing, echo": Case([], ECHO, 0),
    "nothing, long echo": Case([], LOAD, 0),
    "nothing, answer": Case([], 0, 1_000_000),
    "noop": Case([toxic("noop"), toxic("noop", "upstream")], ECHO, 0),
    "latency": Case([toxic("latency", latency=100)], ECHO, 0, 0.1),
    "latency upstream": Case([toxic("latency", "upstream", latency=100)], ECHO, 0, 0.1),
    "latency both ways": Case([toxic("latency", latency=100), toxic("latency", "upstream", latency=50)], ECHO, 0, 0.15),
    "latency twice": Case([toxic("latency", latency=60), toxic("latency", name="b", latency=60)], ECHO, 0, 0.12),
    "latency does not slow": Case([toxic("latency", latency=100)], 0, 1_000_000, 0.1),
    "latency with jitter": Case([toxic("latency", latency=100, jitter=20)], ECHO, 0, 0.08),
    "latency below 0": Case([toxic("latency", latency=-100)], ECHO, 0),
    "latency never": Case([toxic("latency", latency=600_000)], ECHO, 0, SILENCE),
    "bandwidth": Case([toxic("bandwidth", rate=400)], 0, LOAD, 0.25),
    "bandwidth of a small piece": Case([toxic("bandwidth", rate=10)], ECHO, 0, 0.1),
    "bandwidth in slices": Case([toxic("bandwidth", rate=3)], ECHO, 0, 0.33),
    "bandwidth upstream": Case([toxic("bandwidth", "upstream", rate=400)], LOAD, 0, 0.25),
    "bandwidth 0": Case([toxic("bandwidth", rate=0)], ECHO, 0, SILENCE),
    "slow close": Case([toxic("slow_close", delay=200)], 0, LOAD, 0.2),
    "timeout": Case([toxic("timeout", timeout=200)], ECHO, 0, 0.2, race=True),
    "timeout upstream": Case([toxic("timeout", "upstream", timeout=200)], ECHO, 0, 0.2),
    "timeout of an answer": Case([toxic("timeout", timeout=200)], 0, LOAD, race=True),
    "timeout never": Case([toxic("timeout", timeout=0)], ECHO, 0, SILENCE, race=True),
    "timeout below 0": Case([toxic("timeout", timeout=-5)], ECHO, 0, SILENCE, race=True),
    "reset": Case([toxic("reset_peer", timeout=0)], ECHO, 0),
    "reset later": Case([toxic("reset_peer", timeout=150)], ECHO, 0, 0.15),
    "reset upstream": Case([toxic("reset_peer", "upstream", timeout=50)], ECHO, 0, 0.05),
    "slicer": Case([toxic("slicer", average_size=1000, size_variation=100, delay=1000)], 0, LOAD, 0.05),
    "slicer of nothing": Case([toxic("slicer", average_size=2, size_variation=2, delay=0)], ECHO, 0),
    "slicer upstream": Case([toxic("slicer", "upstream", average_size=100, size_variation=0, delay=500)], ECHO, 0),
    "limit": Case([toxic("limit_data", bytes=5000)], 0, LOAD, race=True),
    "limit of an echo": Case([toxic("limit_data", bytes=100)], ECHO, 0, race=True),
    "limit at the length": Case([toxic("limit_data", bytes=ECHO)], ECHO, 0),
    "limit beyond": Case([toxic("limit_data", bytes=10 * LOAD)], 0, LOAD),
    "limit 0": Case([toxic("limit_data", bytes=0)], ECHO, 0, race=True),
    # Without the timeout it would be a race how much of the echo comes back before the end.
    "limit upstream": Case([toxic("limit_data", "upstream", bytes=100), toxic("timeout", timeout=0)], ECHO, 0, race=True),
    "toxicity 0": Case([toxic("timeout", toxicity=0, timeout=0), toxic("limit_data", toxicity=0, bytes=1)], ECHO, 0),
    "toxicity below 0": Case([toxic("timeout", toxicity=-1, timeout=0)], ECHO, 0),
    "latency, then bandwidth": Case([toxic("latency", latency=100), toxic("bandwidth", rate=500)], 0, LOAD, 0.3),
    "bandwidth, then limit": Case([toxic("bandwidth", rate=200), toxic("limit_data", bytes=30_000)], 0, LOAD, 0.15, race=True),
    "limit, then latency": Case([toxic("limit_data", bytes=50_000), toxic("latency", latency=100)], 0, LOAD, 0.1, race=True),
    "limit, then slow close": Case([toxic("limit_data", bytes=500), toxic("slow_close", delay=150)], 0, LOAD, 0.15, race=True),
    "slicer, then latency": Case(
        [toxic("slicer", average_size=100, size_variation=0), toxic("latency", latency=50)], LOAD, 0, 0.05
    ),
    "slicer, then limit": Case(
        [toxic("slicer", average_size=10, size_variation=2), toxic("limit_data", bytes=333)], 0, LOAD, race=True
    ),
}


@pytest.fixture(scope="module")
def seen(original_api: int, embedded_api: int) -> dict[str, tuple[Seen, Seen]]:
    """All cases on both servers, side by side."""

    def both(number: int, case: Case) -> tuple[Seen, Seen]:
        made = [
            transfer(port, f"case-{number}", case.toxics, sends=case.sends, answer=case.answer)
            for port in (original_api, embedded_api)
        ]
        return made[0], made[1]

    with ThreadPoolExecutor(6) as threads:
        return dict(zip(CASES, threads.map(both, range(len(CASES)), CASES.values()), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_bytes_and_ends_are_the_same_and_times_of_one_size(seen: dict[str, tuple[Seen, Seen]], name: str):
    theirs, ours = seen[name]
    if CASES[name].race:
        theirs, ours = (one._replace(upstream=one.upstream._replace(how="")) for one in (theirs, ours))
    assert (ours.client, ours.upstream) == (theirs.client, theirs.upstream)
    assert ours.last >= 0.95 * CASES[name].least
    assert ours.last <= 2 * theirs.last + SLACK
    assert theirs.last <= 2 * ours.last + SLACK
