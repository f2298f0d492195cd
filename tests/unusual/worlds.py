"""The programs of the consumers that are unusual and right."""

import sys
from pathlib import Path

from harness.services.service import Service

PROGRAMS = Path(__file__).parents[2] / "fixtures" / "programs"


def program(broker: str) -> Service:
    """Return all of them that there are for a broker, as one service."""
    return Service(f"unusual-{broker}", command=[sys.executable, str(PROGRAMS / f"unusual_{broker}.py")])
