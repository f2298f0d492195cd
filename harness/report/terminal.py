"""The table of verdicts that ends a run in the terminal: one line a scenario, and what to do with a bad one."""

from collections.abc import Iterable, Iterator

from harness.report.entries import Entry

HEAD = ("scenario", "variant", "check: label", "verdict", "seconds")


def table(found: Iterable[Entry]) -> list[str]:
    """Return the lines of the verdict table, columns aligned; a verdict that fails the run is marked `!`.

    What has one id stands together, also where several scenarios ran at a time.
    """
    rows = [HEAD, *(_row(entry) for entry in sorted(found, key=lambda one: one.id))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(entry: Entry) -> tuple[str, ...]:
    mark = "" if entry.passed or entry.skipped else " !"
    verdict = "skipped" if entry.skipped else f"{entry.outcome}{_wanted(entry)}{mark}"
    return (entry.id, entry.variant or "-", "; ".join(_checks(entry)) or "-", verdict, f"{entry.seconds:.1f}")


def _wanted(entry: Entry) -> str:
    if entry.expected != "broken":
        return ""
    return " as told" if entry.passed else ", told broken" if entry.outcome != "broken" else ""


def _checks(entry: Entry) -> Iterator[str]:
    for check in entry.checks:
        word = check.label if check.conclusion == "broken" else check.conclusion
        if word != "kept":
            yield f"{check.check}: {word}"
    kept = sum(1 for check in entry.checks if check.conclusion == "kept")
    if kept:
        yield f"{kept} kept"
