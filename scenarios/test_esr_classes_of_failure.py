"""TIS-ESR: which failures of TCS may pass, which never do, which leave a doubt (S2-05); and what a replay makes of it (S2-12).

The writer treated every failure alike: what it could not record went to the dead-letter queue. A connection refused, a 429 or a
503 pass by themselves; a 400 or a 404 never does; an answer that was lost leaves open whether the placement was recorded, and
whoever tries again has to ask first. So do operators who replay dead letters, for the same reason, and sometimes twice.
"""

from typing import Literal

import pytest

from harness import Fault, History, Link, Sandbox, Service, require
from harness.checks import accounted, classified, effected_once, in_doubt_resolved, parked
from harness.faults import answer_lost, cut_short, outage, reset, status

scenario = pytest.mark.scenario
WRITER = Service.named("esr-writer")
TCS = Link("esr-writer", "tcs")
TRANSIENT = [
    outage(TCS, lasts=30),
    reset(TCS, lasts=30),
    *(status(TCS, code, times=3) for code in (408, 429, 500, 502, 503, 504)),
]
IN_DOUBT = [answer_lost(TCS, times=1), cut_short(TCS, 5, lasts=30), answer_lost(TCS, status=504, times=1)]
PERMANENT = [status(TCS, code) for code in (400, 404, 409, 422)]


def exported_with(
    sandbox: Sandbox, writer: Service, fault: Fault, *, ends: Literal["effected", "dead-lettered"] = "effected"
) -> History:
    """One placement, and one fault from the beginning."""
    tcs = sandbox.http("tcs", key="/placementId")
    exported = sandbox.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs, dead_letter="placement-exported.dlq")
    sandbox.rabbitmq.queue("placement-exported.retry", key="/placementId", ttl=10, dead_letter="placement-exported")
    sandbox.rabbitmq.queue("placement-exported.parked", key="/placementId", role="parking")
    sandbox.start(writer, uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs})
    sandbox.inject(fault)
    exported.publish([{"placementId": 7}], ends=ends)
    return sandbox.drain()


@scenario("S2-05", "as fixed", speed=20)
@pytest.mark.parametrize("fault", TRANSIENT, ids=str)
def test_what_may_pass_is_tried_again(sandbox: Sandbox, fault: Fault):
    history = exported_with(sandbox, WRITER["as fixed"], fault)
    require(classified(history), accounted(history), effected_once(history))


@scenario("S2-05", "as fixed", speed=20)
@pytest.mark.parametrize("fault", IN_DOUBT, ids=str)
def test_what_may_have_been_done_is_asked_about(sandbox: Sandbox, fault: Fault):
    history = exported_with(sandbox, WRITER["as fixed"], fault)
    require(accounted(history), effected_once(history), in_doubt_resolved(history))


@scenario("S2-05", "as fixed", speed=20)
@pytest.mark.parametrize("fault", PERMANENT, ids=str)
def test_what_never_passes_is_dead_lettered_at_once(sandbox: Sandbox, fault: Fault):
    history = exported_with(sandbox, WRITER["as fixed"], fault, ends="dead-lettered")
    require(classified(history), parked(history, attempts=1))


@scenario("S2-05", "as it was", speed=20)
@pytest.mark.parametrize("fault", TRANSIENT, ids=str)
def test_every_failure_is_final(sandbox: Sandbox, fault: Fault):
    history = exported_with(sandbox, WRITER["as it was"], fault)
    require(classified(history).broken_as("transient_dead_lettered"))


def replayed_twice(sandbox: Sandbox, writer: Service) -> History:
    """Five placements are rows at TCS, which lost its answers: dead letters here. Operators replay them, twice."""
    tcs = sandbox.http("tcs", key="/placementId")
    exported = sandbox.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs, dead_letter="placement-exported.dlq")
    sandbox.rabbitmq.queue("placement-exported.retry", key="/placementId", ttl=10, dead_letter="placement-exported")
    sandbox.rabbitmq.queue("placement-exported.parked", key="/placementId", role="parking")
    service = sandbox.start(writer, uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs})
    sandbox.inject(answer_lost(service.link(tcs), on="POST", times=5))
    exported.publish({"placementId": n} for n in range(1, 11))
    sandbox.drain()
    exported.redrive(times=2)
    return sandbox.drain()


@scenario("S2-12", "as it was", speed=20)
def test_a_replay_makes_second_rows(sandbox: Sandbox):
    history = replayed_twice(sandbox, WRITER["as it was"])
    require(accounted(history), effected_once(history).broken_as("duplicated_by_replay"))


@scenario("S2-12", "as fixed", speed=20)
def test_a_replay_is_harmless(sandbox: Sandbox):
    history = replayed_twice(sandbox, WRITER["as it was, but asks first"])
    require(accounted(history), effected_once(history))
