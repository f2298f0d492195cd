"""`python -m tests.stability`: whether verdicts are the same every time, idle or busy, wherever a fault begins.

Writes .harness/stability/latest.json with every difference; exit code 1 if there is one, or a telling that is not as told.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

import msgspec

from harness.clock import utc
from tests.stability.outages import Case, Telling, as_fixed, as_it_was, tell_all
from tests.stability.suite import Round, rounds, ways


class Report(msgspec.Struct, kw_only=True):
    """The whole of latest.json; `usual` is what most rounds said of each check."""

    schema: int = 1
    started: str
    seed: int
    counts: dict[str, int]
    differences: list[str]
    usual: list[tuple[str, str, str, str]]
    rounds: list[Round]
    tellings: list[Telling]


def main() -> int:
    """Run what was asked for; return the exit code."""
    given = _arguments()
    started = utc()
    folder = Path(".harness/stability").absolute() / f"{started:%Y-%m-%dT%H-%M-%SZ}"
    folder.mkdir(parents=True)
    suite = rounds(ways(given.times, given.two, given.busy), folder, _show)
    fixed = 10 * given.times if given.fixed is None else given.fixed
    was = 5 * given.times if given.was is None else given.was
    cases = [Case("as fixed", fixed, as_fixed), Case("as it was", was, as_it_was)]
    tellings = []
    if fixed or was:
        tellings = tell_all(cases, seed=given.seed, folder=folder / "s2-02", side_by_side=given.side_by_side, shown=_show)
    report = _report(f"{started:%Y-%m-%dT%H:%M:%SZ}", given.seed, suite, tellings)
    (folder.parent / "latest.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    for line in [*report.differences, *(f"{many:>5}  {what}" for what, many in report.counts.items())]:
        _show(line)
    _show(f"written: {folder.parent}/latest.json")
    return 1 if report.differences else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.stability", description=__doc__)
    parser.add_argument(
        "times", type=int, nargs="?", default=10, help="runs of all scenarios: 4 of 10 plain, 3 -n 2, 3 busy (10)"
    )
    parser.add_argument("--two", type=int, help="how many of them with -n 2 (3 of 10)")
    parser.add_argument("--busy", type=int, help="how many of them with every core busy (3 of 10)")
    parser.add_argument(
        "--fixed", type=int, help="tellings of S2-02 as fixed, with a random beginning of its outage (10 times TIMES)"
    )
    parser.add_argument("--was", type=int, help="the same as it was (5 times TIMES)")
    parser.add_argument("--seed", type=int, default=1, help="what the beginnings are drawn from (1)")
    parser.add_argument("--side-by-side", type=int, default=3, help="how many tellings at a time (3)")
    return parser.parse_args()


def _report(started: str, seed: int, suite: list[Round], tellings: list[Telling]) -> Report:
    counts = Counter(f"rounds, {one.how}: {'equal' if not one.differences else 'different'}" for one in suite)
    counts.update(f"S2-02 {one.variant}: {one.word}{'' if one.as_told else ', not as told'}" for one in tellings)
    different = [f"{one.how}, {one.run}: {line}" for one in suite for line in one.differences]
    different += [f"S2-02 {one.variant}, {one.journal}: {line}" for one in tellings for line in one.problems]
    usual = next((one.said for one in suite if not one.differences), [])
    return Report(
        started=started, seed=seed, counts=dict(counts), differences=different, usual=usual, rounds=suite, tellings=tellings
    )


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
