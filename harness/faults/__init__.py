"""What can go wrong, as values: each function makes a `Fault`, which does nothing until `sandbox.inject` is given it.

All take `begins` (a moment; None: at once) and `lasts` (seconds; None: until `sandbox.heal()`). Of two that meet, the one
injected later acts.
"""

from harness.faults.altered import altered
from harness.faults.answer_lost import answer_lost
from harness.faults.duplicate import duplicate
from harness.faults.held import held
from harness.faults.kill import kill
from harness.faults.latency import latency
from harness.faults.outage import outage
from harness.faults.reordered import reordered
from harness.faults.request_lost import request_lost
from harness.faults.shortened import shortened
from harness.faults.status import status

__all__ = [
    "altered",
    "answer_lost",
    "duplicate",
    "held",
    "kill",
    "latency",
    "outage",
    "reordered",
    "request_lost",
    "shortened",
    "status",
]
