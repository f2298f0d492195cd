"""Where the seconds of a scenario go: each second counts once, and of what drains waited for the longest is told."""

from harness.clock import now, pause
from harness.sandbox.spent import Spent


def test_what_is_waited_for_within_something_else_counts_once():
    spent, began = Spent(), now()
    with spent.on("drain"):
        with spent.on("start of mailer"):
            pause(0.2)
        with spent.on("start of mailer"):
            pause(0.1)
    whole = now() - began
    assert spent.seconds["start of mailer"] >= 0.3
    assert 0 <= spent.seconds["drain"] <= whole - spent.seconds["start of mailer"]


def test_the_reason_that_was_waited_for_longest_is_kept():
    spent = Spent()
    for reason, seconds in (("one", 1.0), ("two", 3.0), ("three", 2.0)):
        spent.because(reason, seconds)
    spent.add("stack", 1.5)
    assert (spent.reason, spent.seconds) == ("two", {"stack": 1.5})
