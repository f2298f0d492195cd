import json

import pytest
import typer
from typer.testing import CliRunner

from harness.checks import accounted, effected_once, require
from harness.cli.recheck import register
from harness.errors import Violation
from tests.histories import done, history, over, sent


@pytest.fixture
def harness():
    app = typer.Typer()
    register(app)
    return lambda *arguments: CliRunner().invoke(app, list(map(str, arguments)))


def test_what_was_kept_is_kept(tmp_path, harness):
    run = history(tmp_path, sent("a"), done("a"), over())
    require(accounted(run))

    answer = harness(tmp_path)

    assert answer.exit_code == 0
    assert answer.stdout.splitlines()[0] == "T-01 as fixed: kept, passed"
    assert "accounted: kept: each message ended once" in answer.stdout


def test_what_was_broken_is_broken(tmp_path, harness):
    run = history(tmp_path, sent("a"), "1 delivered q a 1:1\n1 settled q a 1:1 ack", over())

    with pytest.raises(Violation, match="acked_without_effect"):
        require(accounted(run), effected_once(run))

    answer = harness(tmp_path, "--json")
    assert answer.exit_code == 1
    assert [check["label"] for check in json.loads(answer.stdout)[0]["checks"]] == ["acked_without_effect", "not_effected"]


def test_a_run_without_questions_is_inconclusive(tmp_path, harness):
    history(tmp_path, sent("a"))

    assert harness(tmp_path).exit_code == 2


def test_a_corrupt_journal_is_one_sentence(tmp_path, harness):
    run = history(tmp_path, sent("a"))
    run.path.write_bytes(run.path.read_bytes().replace(b'"kind":"acknowledged"', b'"kind":"acknow'))

    answer = harness(tmp_path)

    assert answer.exit_code == 3
    assert answer.stderr.startswith(f"harness recheck: {run.path}:5 is not an event: ")
    assert answer.stderr.count("\n") == 1


def test_a_folder_that_is_none_is_one_sentence(tmp_path, harness):
    answer = harness(tmp_path / "nowhere")

    assert answer.exit_code == 3
    assert "does not exist, seen from here" in answer.stderr
