"""The words of a scenario. Checks are in `harness.checks`, faults in `harness.faults`; pytest gives the `sandbox`.

A map of the package, from the scenario down; what stands higher imports what stands lower, never the reverse:

    pytest_plugin, cli   how it is driven
    report               run.json, the table of verdicts
    run                  one run, from the stack to the verdicts: begin reading there
    sandbox              one scenario's private world
    stack                LocalStack, RabbitMQ, Toxiproxy: found, started, kept up
    services             a service under test, as a value and as a process
    warden               the process that starts every other and leaves none behind
    recorder             the loop that runs taps and resources and writes the journal
    resources            what services act on, with ground truth
    faults               what can go wrong, as values; when it begins and ends
    wire                 links with two taps: AMQP 0-9-1, SQS, HTTP
    toxiproxy            the Toxiproxy API
    clock                the only clock and the only sleep
    checks               promises, judged from a history
    history              events, journal, obligations
    model, errors        values, and what can go wrong with the harness
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.checks.require import require
    from harness.checks.verdict import Verdict
    from harness.history import History
    from harness.model import Fault, Link, Moment
    from harness.sandbox.instances import Instance
    from harness.sandbox.queues import Queue
    from harness.sandbox.resources import Resource
    from harness.sandbox.sandbox import Sandbox
    from harness.services.service import Service

_HOMES = {
    "Fault": "harness.model",
    "History": "harness.history",
    "Instance": "harness.sandbox.instances",
    "Link": "harness.model",
    "Moment": "harness.model",
    "Queue": "harness.sandbox.queues",
    "Resource": "harness.sandbox.resources",
    "Sandbox": "harness.sandbox.sandbox",
    "Service": "harness.services.service",
    "Verdict": "harness.checks.verdict",
    "require": "harness.checks.require",
}


def __getattr__(name: str) -> object:
    """Import a word when it is first used: a process that only records, or only collects tests, pays for no client library."""
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "Fault",
    "History",
    "Instance",
    "Link",
    "Moment",
    "Queue",
    "Resource",
    "Sandbox",
    "Service",
    "Verdict",
    "require",
]
