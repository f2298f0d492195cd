"""Timers twenty times faster, in Java: see tests/timers."""

from tests.java import retrying
from tests.timers.quick import WANTED, Quick, in_time


def test_a_pause_of_spring_s_own_between_two_tries(quick: Quick):
    events = quick(lambda sandbox: retrying.tried_again(sandbox, "jobs", WANTED, 1))

    assert in_time(retrying.paused(events, "jobs"))
