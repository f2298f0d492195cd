"""No service ends by itself. A supervisor that starts it again hides the end from its messages, not from this."""

from harness.checks.findings import Findings
from harness.history.ledger import Ledger

LABELS = ("exited",)


def judge(ledger: Ledger) -> Findings:
    """Look at the exits of every service that was started, but those that the harness, a fault or a hurried start made."""
    findings = Findings()
    for service in ledger.world.services.values():
        if not service.started:
            continue
        findings.premises += 1
        findings.ground("exited")
        for n, t, how, status in service.exits:
            if not how:
                said = f"ended by itself with {_status(status)}"
                findings.case("exited", service.name, "", sure=True, n=n, t=t, events=(n,), said=said)
    return findings


def _status(status: int | None) -> str:
    return f"signal {-status}" if status is not None and status < 0 else f"status {status}"
