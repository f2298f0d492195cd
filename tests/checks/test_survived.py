import pytest

from harness.checks import survived
from tests.histories import done, history, over, sent

STARTED = "0 started svc\n0.1 ready svc"


def judged(folder, *lines, variant="as fixed", end=None):
    return survived(history(folder, sent("a"), *lines, end or over(), variant=variant))


EXITS = {
    "at once": ("exited svc 1", "status 1"),
    "without an error": ("exited svc 0", "status 0"),
    "by a signal": ("exited svc -11", "signal 11"),
    "of a service that is started again": ("exited svc 1\n3 started svc\n3.1 ready svc", "status 1"),
}


@pytest.mark.parametrize(("line", "status"), EXITS.values(), ids=EXITS)
def test_exited(tmp_path, line, status):
    verdict = judged(tmp_path, STARTED, f"2 {line}", done("a", t=5))

    assert (verdict.conclusion, verdict.labels, verdict.definite) == ("broken", ("exited",), 1)
    assert f"svc: ended by itself with {status}" in verdict.sentence
    assert verdict.premises_of("exited") == 1


def test_an_exit_is_one_whether_the_run_was_drained_or_not(tmp_path):
    assert judged(tmp_path, STARTED, "2 exited svc 1", end=over("q a", how="no")).label == "exited"


KEPT = {
    "alive": [STARTED],
    "killed by the harness": [STARTED, "2 exited svc -9 how=harness\n3 started svc"],
    "dead of a start on a compressed clock": [STARTED, "2 exited svc 1 how=hurried\n3 started svc"],
    "ended with the world": [STARTED],
    "though a call of it was answered with 503": [
        STARTED,
        "0.5 fault f1 status svc->rabbitmq began\n0.6 near bit f1 wire=Queue.Declare",
    ],
}


@pytest.mark.parametrize("lines", KEPT.values(), ids=KEPT)
def test_kept(tmp_path, lines):
    assert judged(tmp_path, *lines, done("a"), end=f"{over()}\n51 exited svc -9").conclusion == "kept"


def test_the_end_of_a_run_that_was_not_drained_is_not_known(tmp_path):
    assert judged(tmp_path, STARTED, end=over("q a", how="no")).conclusion == "unknown"


def test_without_a_service_nothing_could_end(tmp_path):
    assert judged(tmp_path, done("a")).conclusion == "vacuous"
