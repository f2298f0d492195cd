"""Literal entries of runs."""

from pathlib import PurePosixPath

from harness.report.entries import AskedEntry, CheckEntry, Entry, RunEntry, ServiceEntry


def check(conclusion: str, label: str | None = None, expected: str | None = None, *, name: str = "accounted") -> CheckEntry:
    return CheckEntry(
        check=name,
        conclusion=conclusion,
        label=label,
        definite=0,
        possible=0,
        premises=1,
        sentence=f"{name}: {conclusion}",
        expected=expected,
    )


def entry(ident: str, variant: str | None, *checks: CheckEntry, passed: bool = True, **more) -> Entry:
    expected = "broken" if any(one.expected for one in checks) else "kept"
    outcome = checks[0].conclusion if checks else "none"
    more.setdefault("test", f"{ident} {variant}")
    return Entry(id=ident, variant=variant, expected=expected, outcome=outcome, passed=passed, checks=list(checks), **more)


def cell(row: str, column: str, *checks: CheckEntry, **more) -> Entry:
    """A cell of the matrix S1-05, of producers and consumers."""
    place = {"producer": row, "consumer": column}
    return entry(
        "S1-05", f"{row} x {column}", *checks, cell=place, **{"test": f"told/test_pairs.py::test[{row}-{column}]", **more}
    )


def service(name: str, *libraries: str) -> ServiceEntry:
    return ServiceEntry(name=name, service=name, libraries=list(libraries), ready=None, exit=None, log="")


def run(
    root: str, *scenarios: Entry, whole: tuple[str, ...] = ("told",), matrix: str = "usual", missed: tuple[AskedEntry, ...] = ()
) -> RunEntry:
    return RunEntry(
        run="now",
        started="",
        seconds=0.0,
        argv=[],
        seed=1,
        interrupted=False,
        versions={},
        stack=None,
        root=root,
        whole=list(whole),
        matrix=matrix,
        missed=list(missed),
        scenarios=list(scenarios),
    )


FOLDER = PurePosixPath("told")
BROKEN, KEPT = check("broken", "stuck", "stuck"), check("kept", name="effected_once")
