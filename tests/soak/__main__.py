"""`python -m tests.soak SECONDS`: mixed faults and traffic for so long, on a stack of its own; nothing may grow or be lost.

Writes .harness/soak/latest.json, and keeps the journals of rounds in which something was wrong; exit code 1 if there is one.
"""

import shutil
import sys
from pathlib import Path

import msgspec

from harness.clock import now, utc
from harness.run import Run
from harness.stack.choice import Wanted
from tests.soak.soaking import Report, Soak

VISITS = 40


def main(seconds: float) -> int:
    """Soak for so long; return the exit code."""
    started, began = utc(), now()
    folder = Path(".harness/soak").absolute() / f"{started:%Y-%m-%dT%H-%M-%SZ}"
    run = Run(folder, stack=Wanted("native"))
    try:
        soak = Soak(run, VISITS)
        while True:
            one = soak.play()
            if not one.problems:
                shutil.rmtree(one.folder)  # there are hundreds of them
            report = soak.report()
            report.started = f"{started:%Y-%m-%dT%H:%M:%SZ}"
            _write(folder.parent / "latest.json", report)
            said = "; ".join([one.conclusion, *one.problems])
            _show(f"{report.seconds:>7} s  round {report.rounds}: {', '.join(one.faults)}: {said}")
            if now() - began > seconds:
                break
    finally:
        run.end()
    grown = "; ".join(report.growth) or "no growth"
    _show(
        f"{report.connections} connections, {report.messages} messages: {len(report.problems)} problems; {grown}; "
        f"written: {folder.parent}/latest.json"
    )
    return 1 if report.problems or report.growth else 0


def _write(path: Path, report: Report) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
