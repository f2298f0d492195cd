"""Verdicts do not hang on where a message's key stands, nor on how well its publisher makes sure of it."""

from collections.abc import Sequence

import pytest

from harness import History, Sandbox, Service, Verdict, require
from harness.checks import accounted, effected_once, nothing_dead_lettered, recovered
from harness.faults import outage
from tests.sandboxes import Tell

WRITER = Service.named("esr-writer")
EXPORTER = Service.named("esr-exporter")
KEYS = {"body": "/placementId", "path": r"path ~ /placements/(\d+)/", "header": "Idempotency-Key ~ (.+)"}
PLACEMENTS = 20


def momentary_outage(sandbox: Sandbox, variant: str, *, key: str, publisher: str) -> History:
    """S2-02, with TCS keyed by `key`, and the placements published by the harness or by a variant of the real exporter."""
    tcs = sandbox.http("tcs", key=key)
    exported = sandbox.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs, dead_letter="placement-exported.dlq")
    sandbox.rabbitmq.queue("placement-exported.retry", key="/placementId", ttl=1, dead_letter="placement-exported")
    sandbox.rabbitmq.queue("placement-exported.parked", key="/placementId", role="parking")
    writer = sandbox.start(WRITER[variant], uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs})
    exporter = sandbox.start(EXPORTER[publisher], uses={"AMQP_URL": sandbox.rabbitmq}) if publisher else None
    sandbox.inject(outage(writer.link(tcs), begins=tcs.answered(4), lasts=2))
    exported.publish(({"placementId": n} for n in range(1, PLACEMENTS + 1)), by=exporter)
    return sandbox.drain()


def asked(history: History, variant: str) -> Sequence[Verdict]:
    lettered = nothing_dead_lettered(history)
    if variant == "as it was":
        return accounted(history), lettered.broken_as("transient_dead_lettered")
    return accounted(history), lettered, effected_once(history), recovered(history, within=10)


WAYS = [*((where, "") for where in KEYS), ("body", "as it was"), ("body", "with confirms"), ("path", "as it was")]


@pytest.mark.parametrize("variant", ["as it was", "as fixed"])
@pytest.mark.parametrize(("where", "publisher"), WAYS, ids=["-".join(filter(None, way)) for way in WAYS])
def test_a_verdict_is_the_same_wherever_the_key_stands_and_whoever_publishes(
    tell: Tell, variant: str, where: str, publisher: str
):
    with tell(variant) as sandbox:
        verdicts = asked(momentary_outage(sandbox, variant, key=KEYS[where], publisher=publisher), variant)
    require(*verdicts)
    assert {verdict.premises for verdict in verdicts[:2]} == {PLACEMENTS}
