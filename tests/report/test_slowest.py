"""The slowest scenarios, with where their seconds went."""

from harness.report.slowest import slowest
from tests.report.told import entry


def test_the_slowest_ten_come_first_with_what_they_waited_for():
    slow = [entry(f"S{n}", None, seconds=2.0 + n, spent={"stack": 2.0 + n}) for n in range(1, 12)]
    drained = entry(
        "S0",
        "as it was",
        seconds=40.0,
        spent={"drain": 30.0, "start of mailer": 6.0, "stack": 1.9, "closing": 1.1},
        waited="2 message(s) of forms are in flight",
    )
    found = slowest([*slow, drained, entry("S12", None, seconds=1.9)])
    assert len(found) == 10
    assert found[0] == "  40.0 s  S0 as it was: drain 30.0 s (2 message(s) of forms are in flight), start of mailer 6.0 s"
    assert found[1] == "  13.0 s  S11: stack 13.0 s"


def test_what_no_wait_explains_is_the_scenario_s_own_doing():
    assert slowest([entry("S1", None, seconds=10.0, spent={"drain": 2.0})]) == [
        "  10.0 s  S1: acting and judging 8.0 s, drain 2.0 s"
    ]


def test_where_all_were_quick_nothing_is_said():
    assert slowest([entry("S1", None, seconds=1.0)]) == []
