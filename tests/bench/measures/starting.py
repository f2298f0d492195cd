"""How long one waits before and around a scenario: the stack's start, and what the harness adds to a service's own time."""

from harness.checks import accounted
from harness.clock import now
from harness.history.events import Event
from harness.run import Story
from harness.stack import native
from harness.stack.provision import provisioned, silent
from harness.warden import Warden
from tests.bench.measures.stage import Stage, ten_placements
from tests.bench.rows import Row, row

ROUNDS = 5
SCENARIOS = 9


def stack(stage: Stage) -> list[Row]:
    """Seconds from nothing to three servers that answer, everything being provisioned."""
    del stage
    tools, values = provisioned(silent), []
    for _ in range(ROUNDS):
        warden = Warden.start()
        try:
            began = now()
            native.start(warden, tools, ports={})
            values.append(now() - began)
        finally:
            warden.end()
    note = "LocalStack, RabbitMQ and Toxiproxy started side by side on free ports, until each answers; all provisioned"
    return [row("stack.start_warm", values, unit="s", target=4, note=note)]


def scenario(stage: Stage) -> list[Row]:
    """Seconds of a scenario that are neither its service's start nor its service's work."""
    values = [_beside(stage, number) for number in range(SCENARIOS + 1)]
    note = (
        "esr-writer, 10 placements, nothing wrong: sandbox, links, drain, checks and the end of it all;"
        " without the time from its start to its first Basic.Consume, and from there to its last settlement"
    )
    return [row("scenario.overhead", values[1:], unit="s", target=0.6, note=note)]


def _beside(stage: Stage, number: int) -> float:
    began = now()
    with stage.run.scenario(Story("overhead", str(number), "bench", "")) as told:
        history = ten_placements(told.sandbox)
        kept = accounted(history).conclusion
    whole = now() - began
    if kept != "kept":
        message = f"the scenario that is measured was {kept}"
        raise RuntimeError(message)
    return whole - _own(list(history.events()))


def _own(events: list[Event]) -> float:
    """Return the seconds that passed from the service's start to its last settlement."""
    started = next(event.t for event in events if event.kind == "started")
    return max(event.t for event in events if event.kind == "settled" and event.at == "far") - started
