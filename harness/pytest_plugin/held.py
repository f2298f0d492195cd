"""What pytest was asked to run and what came of it, for whoever holds a folder's table equal to that."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.report.entries import RunEntry
    from harness.report.session import Selection

SELECTING = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise", "collectonly")
"""pytest's own options that leave tests out."""
ASKED = "harness_asked"
"""The attribute of a report that says which scenario it is about; it crosses from a worker of pytest-xdist."""
KNOWN = pytest.StashKey[bool]()
"""Set on a cell of a matrix that was not run because what it comes to is known."""
MISSED = "harness-missed"
"""The name of the plugin that takes note of such scenarios."""


def mark(item: pytest.Item, report: pytest.TestReport) -> None:
    """Have a report say which scenario has nothing to tell, because its test failed or was skipped."""
    marker = item.get_closest_marker("scenario")
    if marker is not None and marker.args and not report.passed and KNOWN not in item.stash:
        variant = marker.args[1] if len(marker.args) > 1 else marker.kwargs.get("variant")
        setattr(report, ASKED, [str(marker.args[0]), *([] if variant is None else [str(variant)])])


class Missed:
    """A plugin of pytest's, in the process that has all reports: the scenarios that have nothing to tell, by test."""

    def __init__(self) -> None:
        self.asked: dict[str, list[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of a report."""
        asked: list[str] | None = getattr(report, ASKED, None)
        if asked is not None:
            self.asked[report.nodeid] = asked


def selection(session: pytest.Session, matrix: str) -> "Selection":
    """Return what was run whole, and what of it has nothing to tell."""
    from harness.report.entries import AskedEntry
    from harness.report.session import Selection

    config = session.config
    noted: dict[str, list[str]] = getattr(config.pluginmanager.get_plugin(MISSED), "asked", {})
    missed = [AskedEntry(id=one[0], variant=one[1] if one[1:] else None, test=test) for test, one in noted.items()]
    return Selection(root=config.rootpath, whole=_whole(session), matrix=matrix, missed=missed)


def _whole(session: pytest.Session) -> list[str]:
    """Return the files and folders of which no test was left out, as pytest names them."""
    config = session.config
    if session.shouldstop or session.shouldfail or any(config.getoption(name, None) for name in SELECTING):
        return []
    paths = [(config.invocation_params.dir / argument).resolve() for argument in config.args if "::" not in argument]
    root = config.rootpath.resolve()
    return [str(path.relative_to(root)) for path in paths if path.is_relative_to(root)]


def hold(session: pytest.Session, run: "RunEntry", folder: Path) -> None:
    """Fail a run of a whole folder whose table or texts say something else; the error says what, and what to put there."""
    from harness.report.held import problems

    for file, said in problems(run, folder).items():
        report = pytest.TestReport(file, (file, None, file), {}, "failed", "\n\n".join(said), "teardown")
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.stats.setdefault("error", []).append(report)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
