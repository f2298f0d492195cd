"""What the plugin makes of a test's end: rules of the variants, skips, the text of a failure, the table and run.json."""

import re
from pathlib import Path

import pytest

from tests.plugin.driven import HEAD, Done, pytest_on

TEXT = (
    HEAD
    + """
@scenario("T-01", "as it was")
def test_as_it_was_that_names_no_label(sandbox):
    require(nothing_dead_lettered(two_jobs(sandbox)))

@scenario("T-01", "as fixed")
def test_as_fixed_that_expects_a_label(sandbox):
    require(effected_once(two_jobs(sandbox)).broken_as("not_effected"))

@scenario("T-02", variant="as it was")
def test_told_as_it_was(sandbox):
    require(effected_once(two_jobs(sandbox)).broken_as("not_effected"))

@scenario("T-03", "baseline")
def test_that_required_nothing(sandbox):
    two_jobs(sandbox)

@scenario
def test_without_an_id(sandbox):
    two_jobs(sandbox)

@scenario("T-04", "baseline")
def test_that_needs_a_tool(sandbox):
    sandbox.start(Service.named("needy"), uses={"AMQP_URL": sandbox.rabbitmq})

@pytest.fixture
def needy(sandbox):
    return sandbox.start(Service.named("needy"), uses={"AMQP_URL": sandbox.rabbitmq})

@scenario("T-04", "baseline")
def test_whose_fixture_needs_a_tool(needy):
    raise AssertionError

@scenario("T-05", "baseline")
def test_broken(sandbox):
    history = two_jobs(sandbox)
    require(nothing_dead_lettered(history), effected_once(history))

@scenario("T-06", "baseline")
def test_unknown(sandbox):
    require(nothing_dead_lettered(two_jobs(sandbox, within=0.01)))

@scenario("T-07", "baseline")
def test_vacuous(sandbox):
    require(nothing_dead_lettered(sandbox.drain()))

@scenario("T-08", "baseline")
def test_of_its_own_failure(sandbox):
    assert two_jobs(sandbox) is None

def test_without_a_marker(sandbox):
    two_jobs(sandbox)
"""
)
NEEDY = 'name = "needy"\ncommand = ["needy"]\nneeds = ["a-tool-that-is-not-there"]\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("told")
    (folder / "services/needy").mkdir(parents=True)
    (folder / "services/needy/service.toml").write_text(NEEDY)
    return folder


@pytest.fixture(scope="module")
def done(folder: Path, addresses: dict[str, str]) -> Done:
    return pytest_on(folder, TEXT, "-rs", more={**addresses, "HARNESS_SERVICES": str(folder / "services")})


def test_as_it_was_has_to_name_the_promise_it_broke(done: Done):
    text = done.failure("test_as_it_was_that_names_no_label")
    assert text.endswith("is told as it was, so one verdict has to be .broken_as(label): which promise did the incident break?")
    assert text.startswith("UsageError: test_told.py::")


def test_as_fixed_may_not_expect_a_broken_promise(done: Done):
    text = done.failure("test_as_fixed_that_expects_a_label")
    assert text.endswith("is told as fixed, so no verdict may be broken: take away broken_as('not_effected')")


def test_as_it_was_passes_when_it_is_broken_as_told(done: Done):
    entry = done.entry("test_told_as_it_was")
    assert (entry.variant, entry.expected, entry.outcome, entry.passed) == ("as it was", "broken", "broken", True)
    assert entry.checks[0].label == "not_effected"
    assert re.search(r"T-02 +as it was +effected_once: not_effected +broken as told", done.printed)


def test_a_scenario_has_to_require_something(done: Done):
    text = done.failure("test_that_required_nothing")
    assert text.endswith("test_that_required_nothing required nothing: end it with require(check(history), ...)")
    assert not done.entry("test_that_required_nothing").passed


def test_the_marker_needs_an_id(done: Done):
    text = done.failure("test_without_an_id")
    assert text.endswith("the marker scenario needs an id, as in @pytest.mark.scenario('S2-02', 'as it was')")
    assert "\n" not in text


def test_a_tool_that_is_missing_is_a_skip_with_its_reason(done: Done):
    skips = re.findall(
        r"^SKIPPED \[\d\] .*: (needy needs a-tool-that-is-not-there, which is not on PATH; .*)$", done.printed, re.MULTILINE
    )
    entry = done.entry("test_that_needs_a_tool")
    assert skips
    assert entry.skipped is not None
    assert skips[0] in entry.skipped
    assert entry.error is None
    assert not entry.passed
    assert re.search(r"T-04 +baseline +- +skipped", done.printed)
    assert done.failure("test_that_needs_a_tool") == done.failure("test_whose_fixture_needs_a_tool") == ""


def test_a_tool_that_is_required_is_an_error(folder: Path, addresses: dict[str, str], tmp_path: Path):
    more = {**addresses, "HARNESS_SERVICES": str(folder / "services"), "HARNESS_REQUIRE": "node,a-tool-that-is-not-there"}
    required = pytest_on(tmp_path, TEXT, "-k", "tool", more=more)
    more["HARNESS_REQUIRE"] = "tool"
    other = pytest_on(tmp_path, TEXT, "-k", "test_that_needs_a_tool", more=more)
    assert required.status == 1
    assert required.failure("test_that_needs_a_tool").startswith("MissingToolError: needy needs a-tool-that-is-not-there")
    assert required.failure("test_whose_fixture_needs_a_tool").startswith("MissingToolError: needy needs ")
    assert "1 skipped" in other.printed


def test_a_broken_promise_is_told_in_twelve_lines_without_a_traceback(done: Done):
    text = done.failure("test_broken")
    assert text.startswith("effected_once: broken: 2 of 2 messages: not_effected\n  promise: every message has its effect once\n")
    assert len(text.splitlines()) <= 12
    assert "Error" not in text
    assert "test_told.py:" not in text.replace("test_told.py::", "")
    assert re.search(r"  reproduce: pytest 'test_told.py::test_broken' --harness-seed=\d+$", text)


@pytest.mark.parametrize("word", ["unknown", "vacuous"])
def test_the_word_comes_first_where_a_verdict_is_none(done: Done, word: str):
    text = done.failure(f"test_{word}")
    assert text.startswith(f"nothing_dead_lettered: {word}: ")
    assert len(text.splitlines()) <= 12
    assert done.entry(f"test_{word}").outcome == word


def test_a_failure_that_is_not_the_harness_s_keeps_its_traceback(done: Done):
    text = done.failure("test_of_its_own_failure")
    assert "assert two_jobs(sandbox) is None" in text
    assert re.search(r"^test_told\.py:\d+: AssertionError$", text, re.MULTILINE)


def test_a_test_without_the_marker_may_require_nothing(done: Done):
    entry = done.entry("test_without_a_marker")
    assert (entry.id, entry.variant, entry.outcome, entry.passed) == ("test_without_a_marker", None, "none", True)


def test_the_table_ends_the_run_and_says_where_it_is(done: Done):
    table = done.printed.partition("= scenarios =")[2]
    assert table.splitlines()[1].split() == ["scenario", "variant", "check:", "label", "verdict", "seconds"]
    assert re.search(r"^T-05 +baseline +effected_once: not_effected; 1 kept +broken ! +\d", table, re.MULTILINE)
    assert re.search(r"^T-06 +baseline +nothing_dead_lettered: unknown +unknown ! +\d", table, re.MULTILINE)
    assert "T-02 ran only 'as it was': an incident is told twice" in table
    assert re.search(rf"^run: {re.escape(str((done.runs / 'latest').resolve()))}$", table, re.MULTILINE)


def test_run_json_says_where_the_seconds_went(done: Done):
    entry = done.entry("test_broken")
    assert {"stack", "drain", "closing", "giving back"} <= set(entry.spent)
    assert sum(entry.spent.values()) <= entry.seconds
    assert entry.waited


def test_run_json_has_every_scenario_in_the_order_they_ran(done: Done):
    run = done.run()
    assert [entry.id for entry in run.scenarios] == [
        *("T-01", "T-01", "T-02", "T-03", "T-04", "T-04", "T-05", "T-06", "T-07", "T-08"),
        "test_without_a_marker",
    ]
    assert not run.interrupted
    assert run.stack is not None
    assert run.stack.kind == "external"
    assert all((done.runs / "latest" / entry.journal).exists() for entry in run.scenarios)
