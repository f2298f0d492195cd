"""The figures of a benchmark from literal rounds: which value, whether the target is met, which rows are asked for."""

import json

import pytest

from tests.bench.rows import (
    Row,
    added_ratios,
    concerned,
    document,
    percentile,
    percentiles,
    ratios,
    row,
    shown,
    turned,
    wanted,
)

ROUNDS = [
    {"direct": [1.0, 2.0, 3.0], "toxiproxy": [3.0, 4.0, 5.0], "tap": [2.0, 3.0, 9.0]},
    {"direct": [4.0], "toxiproxy": [4.0], "tap": [6.0]},
    {"direct": [2.0], "toxiproxy": [3.0], "tap": [4.0]},
]


@pytest.mark.parametrize(("share", "found"), [(0.0, 1), (0.25, 1), (0.5, 2), (0.51, 3), (0.75, 3), (0.99, 4), (1.0, 4)])
def test_a_percentile_is_a_value_that_was_measured(share: float, found: int):
    assert percentile([3, 1, 4, 2], share) == found


def test_ratios_are_taken_inside_each_round():
    assert ratios(ROUNDS, "tap", "direct") == [1.5, 1.5, 2.0]
    assert ratios(ROUNDS, "tap", "direct", share=0.99) == [3.0, 1.5, 2.0]


def test_a_round_in_which_the_other_road_adds_nothing_is_left_out():
    assert added_ratios(ROUNDS, "tap", "toxiproxy", "direct") == [0.5, 2.0]


def test_percentiles_are_given_in_a_unit():
    assert percentiles(ROUNDS, "tap", unit=0.5) == [6.0, 12.0, 8.0]


def made(*values: float, **given) -> Row:
    return row("amqp.tap", values, unit="ratio", note="one tap", **given)


def test_a_row_is_the_median_and_the_quartiles_of_its_rounds():
    one = made(5.0, 1.0, 3.0, 2.0, 4.123456)
    assert (one.value, one.low, one.high, one.rounds) == (3.0, 2.0, 4.123, 5)


@pytest.mark.parametrize(
    ("given", "met", "stretched"),
    [
        ({}, None, None),
        ({"target": 3.0}, True, None),
        ({"target": 2.9}, False, None),
        ({"target": 4.0, "stretch": 2.0}, True, False),
        ({"target": 4.0, "stretch": 3.0}, True, True),
        ({"target": 3.0, "better": "higher"}, True, None),
        ({"target": 3.1, "better": "higher"}, False, None),
    ],
)
def test_a_target_is_met_on_its_better_side(given, met: bool | None, stretched: bool | None):  # noqa: FBT001
    one = made(3.0, **given)
    assert (one.met, one.stretched) == (met, stretched)


def test_a_row_without_rounds_has_no_value_and_meets_nothing():
    one = made(target=1.0)
    assert (one.value, one.low, one.high, one.rounds, one.met) == (None, None, None, 0, False)


@pytest.mark.parametrize(
    ("one", "cells"),
    [
        (made(3.0), ("amqp.tap", "3 ratio", "", "")),
        (made(3.0, target=2.0, stretch=1.0), ("amqp.tap", "3 ratio", "<= 2", "NOT MET")),
        (made(3.0, target=3.5, stretch=1.0), ("amqp.tap", "3 ratio", "<= 3.5", "met")),
        (made(3.0, target=2.0, stretch=2.5, better="higher"), ("amqp.tap", "3 ratio", ">= 2", "met, stretch too")),
        (made(target=2.0), ("amqp.tap", "-", "<= 2", "NOT MET")),
    ],
)
def test_the_terminal_shows_value_target_and_whether_it_is_met(one: Row, cells: tuple[str, ...]):
    assert shown(one) == cells


def test_the_document_holds_every_field_of_a_row():
    read = json.loads(document([made(3.0, target=2.0)], started="2026-01-01T00:00:00Z", machine={"cores": 2}))
    assert read == {
        "schema": 1,
        "started": "2026-01-01T00:00:00Z",
        "machine": {"cores": 2},
        "rows": [
            {
                "name": "amqp.tap",
                "value": 3.0,
                "unit": "ratio",
                "better": "lower",
                "target": 2.0,
                "stretch": None,
                "rounds": 1,
                "low": 3.0,
                "high": 3.0,
                "note": "one tap",
            }
        ],
    }


def test_no_road_always_follows_the_same_one():
    assert [turned("abc", number) for number in range(4)] == [list("abc"), list("acb"), list("cab"), list("cba")]


@pytest.mark.parametrize(
    ("patterns", "found"), [([], True), (["amqp.*"], True), (["sqs.*", "amqp.tap"], True), (["amqp"], False), (["sqs.*"], False)]
)
def test_a_row_is_asked_for_by_a_pattern_of_its_whole_name(patterns: list[str], found: bool):  # noqa: FBT001
    assert wanted("amqp.tap", patterns) is found


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", True), ("amqp.*", True), ("a?qp.*", True), ("[as]*", True), ("amqp.tap.p50_vs_direct", True), ("amqp.t*", True),
        ("amqp.decode.*", False), ("sqs.*", False),
    ],
)  # fmt: skip
def test_rows_are_measured_where_a_pattern_may_mean_them(pattern: str, found: bool):  # noqa: FBT001
    assert concerned("amqp.tap.", [pattern]) is found


def test_without_patterns_everything_is_measured():
    assert concerned("amqp.tap.", [])
