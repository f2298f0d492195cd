import pytest

from harness.checks import paced
from harness.errors import UsageError
from tests.histories import done, history, over, place, rabbit, sent, sqs

SQS = (sqs(effects=(("place",),), visibility_timeout=0.1), place())


def requeued(*seconds, held=0.01):
    return "\n".join(f"{t} delivered q a 1:{n}\n{t + held:.3f} settled q a 1:{n} requeue" for n, t in enumerate(seconds, start=1))


def every(gap, times):
    return [1 + gap * n for n in range(times)]


@pytest.mark.parametrize(
    ("seconds", "conclusion"),
    [
        (every(0.1, 7), "broken"),
        (every(0.1, 6), "broken"),
        (every(0.1, 5), "kept"),
        (every(1.0, 9), "kept"),
        ([1, 1.1, 1.2, 1.3, 1.4, 3, 3.1, 3.2, 3.3, 3.4], "kept"),
    ],
    ids=["six gaps", "five gaps", "four gaps", "slow enough", "never five in a row"],
)
def test_hot_loop_is_five_gaps_in_a_row_below_a_second(tmp_path, seconds, conclusion):
    verdict = paced(history(tmp_path, sent("a"), requeued(*sorted(seconds)), over("q a", how="steady")))

    assert verdict.conclusion == conclusion
    assert verdict.label == ("hot_loop" if conclusion == "broken" else "")
    assert verdict.premises_of("hot_loop") == 1


def test_sleeping_before_giving_back_is_polite(tmp_path):
    lines = requeued(*every(1.5, 8), held=1.49)

    assert paced(history(tmp_path, sent("a"), lines, over("q a"))).conclusion == "kept"


def test_a_rate_may_be_promised(tmp_path):
    run = history(tmp_path, sent("a"), requeued(*every(0.3, 8)), over("q a"))

    assert paced(run).label == "hot_loop"
    assert paced(run, per_second=5).conclusion == "kept"
    assert paced(run, per_second=1 / 0.3 - 0.4).label == "hot_loop"


def test_requests_are_the_attempts_where_they_are_seen(tmp_path):
    requests = "\n".join(f"{1.1 + n * 0.1:.2f} near requested a {n} wire=POST" for n in range(7))

    assert paced(history(tmp_path, sent("a"), "1 delivered q a 1:1", requests, over("q a"))).label == "hot_loop"


def test_questions_are_no_attempts(tmp_path):
    requests = "\n".join(f"{1.1 + n * 0.1:.2f} near requested a {n} wire=GET" for n in range(7))
    verdict = paced(history(tmp_path, sent("a"), "1 delivered q a 1:1", requests, over("q a")))

    assert (verdict.conclusion, verdict.premises) == ("vacuous", 0)


def test_deliveries_that_expire_are_attempts(tmp_path):
    lines = "\n".join(f"{1 + n * 0.2:.1f} delivered q a r{n} link=svc->sqs mid=m" for n in range(8))

    assert paced(history(tmp_path, sent("a"), lines, over("q a"), world=SQS)).label == "hot_loop"


def test_deliveries_that_connections_lose_are_attempts(tmp_path):
    lines = "\n".join(
        f"{1 + n * 0.2:.1f} delivered q a 1:1 conn={n}\n{1.1 + n * 0.2:.1f} closed svc->rabbitmq {n} rst" for n in range(1, 9)
    )

    assert paced(history(tmp_path, sent("a"), lines, over("q a"))).label == "hot_loop"


def test_our_own_duplicates_are_no_attempts(tmp_path):
    lines = "\n".join(
        f"{1 + n * 0.1:.1f} near delivered q a 1:{n}\n{1 + n * 0.1:.1f} near settled q a 1:{n} ack" for n in range(1, 9)
    )

    assert paced(history(tmp_path, sent("a"), done("a"), lines, over())).premises == 0


def test_one_attempt_only_puts_no_pace_to_the_test(tmp_path):
    verdict = paced(history(tmp_path, sent("a"), done("a"), over()))

    assert (verdict.conclusion, verdict.premises_of("hot_loop")) == ("vacuous", 0)


@pytest.mark.parametrize(
    ("seconds", "conclusion"),
    [((1, 2, 4, 8, 12), "kept"), ((1, 2, 2.5), "broken"), ((1, 2, 9), "broken"), ((1, 2, 4, 8, 10), "broken")],
    ids=["on it", "too early", "too late", "the last pause holds on"],
)
def test_a_schedule_says_every_pause(tmp_path, seconds, conclusion):
    verdict = paced(history(tmp_path, sent("a"), requeued(*seconds), over("q a")), schedule=[1, 2, 4])

    assert verdict.conclusion == conclusion
    assert verdict.label == ("off_schedule" if conclusion == "broken" else "")
    assert verdict.premises_of("off_schedule") == 1


def test_a_hot_loop_is_judged_although_the_run_was_not_drained(tmp_path):
    run = history(tmp_path, sent("a"), requeued(*every(0.1, 9)), over(how="no"))

    assert paced(run).label == "hot_loop"


def test_a_message_too_hot_to_write_down_is_counted(tmp_path):
    run = history(tmp_path, sent("a"), requeued(*every(0.1, 9)), "3 repeated q a", "4 repeated q a delivered=10", over("q a"))

    assert paced(run).label == "hot_loop"
    assert [one.far for one in run.ledger().rest()] == [14]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"per_second": 1, "schedule": [1]}, "not both"),
        ({"per_second": 0}, r"paced\(per_second=0\): write how many attempts a second are polite"),
    ],
    ids=["both", "nothing"],
)
def test_arguments_that_mean_nothing_are_refused(tmp_path, arguments, complaint):
    run = history(tmp_path, world=(rabbit(),))

    with pytest.raises(UsageError, match=complaint):
        paced(run, **arguments)


@pytest.mark.parametrize(("gap", "word"), [(0.9, "broken"), (1.2, "unknown"), (4.9, "unknown"), (5.1, "kept")], ids=str)
def test_on_a_quick_clock_a_gap_that_the_machine_may_need_is_no_pause(tmp_path, gap, word):
    verdict = paced(history(tmp_path, sent("a"), requeued(*every(gap, 8)), over("q a", t=90), speed=20))

    assert verdict.conclusion == word
    assert word != "unknown" or "at speed 20 gaps of less than 5 s may be the machine's own, and a was tried" in verdict.sentence
