"""When a timer holds at a speed, and how the table says it."""

from collections.abc import Sequence

import pytest

from tests.timers.rows import Row, shown


def row(*took: float, speed: int = 20, by: str = "Python") -> Row:
    return Row(timer="TTL", by=by, speed=speed, wanted=60, took=took)


@pytest.mark.parametrize(
    ("took", "holds", "said"),
    [
        ((60, 61, 200), True, "60 s: 1.017"),
        ((59.9, 61, 62), False, "60 s: 1.017, early"),
        ((60, 76, 77), False, "60 s: 1.267, late"),
        ((), False, "not measured"),
    ],
    ids=["one late round", "one early round", "late", "none"],
)
def test_a_timer_holds_that_is_never_early_and_usually_in_time(took: Sequence[float], said: str, *, holds: bool):
    assert row(*took).holds is holds
    assert shown([row(*took)], [20])[-1] == f"| TTL | Python | {said} |"


def test_the_table_has_a_column_for_each_speed():
    rows = [row(60), row(66, speed=100), row(63, by="Node")]

    assert shown(rows, [20, 100]) == [
        "| timer | program | speed 20 | speed 100 |",
        "| --- | --- | --- | --- |",
        "| TTL | Python | 60 s: 1 | 60 s: 1.1 |",
        "| TTL | Node | 60 s: 1.05 | - |",
    ]
