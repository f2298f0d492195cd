"""What can go wrong, as values: each function makes a `Fault`, which does nothing until `sandbox.inject` is given it.

All take `begins` (a moment; None: at once), and all but `half_open` take `lasts` (seconds; None: until `sandbox.heal()`). Of two
that meet, the one injected later acts.
"""

from harness.faults.altered import altered
from harness.faults.answer_lost import answer_lost
from harness.faults.bandwidth import bandwidth
from harness.faults.cut_short import cut_short
from harness.faults.duplicate import duplicate
from harness.faults.half_open import half_open
from harness.faults.held import held
from harness.faults.kill import kill
from harness.faults.latency import latency
from harness.faults.outage import outage
from harness.faults.pause import pause
from harness.faults.reordered import reordered
from harness.faults.request_lost import request_lost
from harness.faults.reset import reset
from harness.faults.shortened import shortened
from harness.faults.sliced import sliced
from harness.faults.slow_close import slow_close
from harness.faults.status import status
from harness.faults.timeout import timeout

__all__ = [
    "altered",
    "answer_lost",
    "bandwidth",
    "cut_short",
    "duplicate",
    "half_open",
    "held",
    "kill",
    "latency",
    "outage",
    "pause",
    "reordered",
    "request_lost",
    "reset",
    "shortened",
    "sliced",
    "slow_close",
    "status",
    "timeout",
]
