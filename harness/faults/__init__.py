"""What can go wrong, as values: each function makes a `Fault`, which does nothing until `sandbox.inject` is given it.

All take `begins` (a moment; None: at once) and `lasts` (seconds; None: until `sandbox.heal()`). Of two that meet, the one
injected later acts.
"""

from harness.faults.altered import altered
from harness.faults.answer_lost import answer_lost
from harness.faults.kill import kill
from harness.faults.latency import latency
from harness.faults.outage import outage

__all__ = ["altered", "answer_lost", "kill", "latency", "outage"]
