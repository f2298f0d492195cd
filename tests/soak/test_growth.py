"""That growth is seen, and noise is not taken for it."""

import os
import sys

import pytest

from tests.soak.growth import Noise, Sample, growth, process, rested

QUIET = Noise(megabytes=4)
STEADY = [Sample(float(n), 36_000 + n % 3 * 200, 14 + n % 2, 5) for n in range(30)]


def test_what_goes_up_and_down_does_not_grow():
    assert growth("recorder", STEADY, QUIET) == []


def test_what_is_taken_while_it_warms_up_is_no_growth():
    cold = [Sample(0.0, 20_000, 4, 1), Sample(1.0, 30_000, 9, 3)]

    assert growth("recorder", [*cold, *STEADY], QUIET) == []


@pytest.mark.parametrize(
    ("leak", "sentence"),
    [
        ((300, 0, 0), "recorder: 37.0 MiB of memory became 42.7"),
        ((0, 1, 0), "recorder: 24 descriptors became 44"),
        ((0, 0, 1), "recorder: 15 threads became 34"),
    ],
    ids=["memory", "descriptors", "threads"],
)
def test_a_leak_of_every_round_is_seen(leak: tuple[int, int, int], sentence: str):
    memory, descriptors, threads = leak
    leaking = [
        Sample(one.at, one.resident + memory * n, one.descriptors + descriptors * n, one.threads + threads * n)
        for n, one in enumerate(STEADY)
    ]

    assert growth("recorder", leaking, QUIET) == [sentence]


def test_what_another_process_needs_is_not_a_leak_by_this_measure():
    waking = [Sample(float(n), 36_000 + 300 * n, 14, 5 + n // 10) for n in range(30)]

    assert growth("toxiproxy", waking, Noise(megabytes=12, threads=4)) == []


def test_a_single_round_cannot_grow():
    assert growth("recorder", STEADY[:1], QUIET) == []


def test_this_very_process_is_found_and_sampled():
    found = process(*sys.orig_argv[:2])

    taken = rested(os.getpid(), 1.04)

    assert found > 1
    assert taken.at == 1.0
    assert taken.resident > 10_000
    assert taken.descriptors >= 3
    assert taken.threads >= 1


def test_a_process_that_is_not_there_is_said():
    with pytest.raises(LookupError, match=r"^no process has no such \w+ and anywhere in its command line$"):
        process("no such " + "process", "anywhere")
