"""Conclusions of runs in which nothing was done to anybody."""

from harness.checks import accounted
from tests.histories import done, history, over, sent


def test_nothing_sent_is_vacuous(tmp_path):
    verdict = accounted(history(tmp_path, over()))

    assert (verdict.conclusion, verdict.premises) == ("vacuous", 0)
    assert "no message was sent" in verdict.sentence


def test_steady_is_drained_and_said(tmp_path):
    verdict = accounted(history(tmp_path, sent("a"), done("a"), over(how="steady")))

    assert verdict.conclusion == "kept"
    assert "drained: steady" in verdict.sentence
