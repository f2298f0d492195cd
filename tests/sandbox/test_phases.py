"""Phases on real brokers: what was dead at the first drain is judged so, and what was mended afterwards is judged as mended."""

from harness.checks import accounted, classified, effected_once, parked, require, signalled
from harness.faults import status
from harness.sandbox.sandbox import Sandbox
from harness.services.service import Service

WRITER = Service.named("esr-writer")


def test_what_was_dead_is_mended_by_a_deploy_and_a_redrive(sandbox: Sandbox):
    tcs = sandbox.http("tcs", key="/placementId")
    exported = sandbox.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs, dead_letter="placement-exported.dlq")
    sandbox.rabbitmq.queue("placement-exported.retry", key="/placementId", ttl=10, dead_letter="placement-exported")
    sandbox.rabbitmq.queue("placement-exported.parked", key="/placementId", role="parking")
    sandbox.alarms("ops").watch(exported.dead_letters, every=0.2)
    writer = sandbox.start(WRITER["as it was"], uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs})
    sandbox.inject(status(writer.link(tcs), 503))
    exported.publish({"placementId": n} for n in (1, 2))
    broken = sandbox.drain()

    sandbox.heal()
    writer.upgrade(WRITER["as fixed"])
    count = exported.redrive()
    mended = sandbox.drain()

    require(parked(broken, attempts=1), signalled(broken, within=5), classified(broken).broken_as("transient_dead_lettered"))
    require(accounted(mended), effected_once(mended))
    assert count == 2
    assert all(queue.scanned for queue in broken.ledger().world.queues.values())


def test_sqs_shows_what_was_dead(sandbox: Sandbox):
    jobs = sandbox.aws.queue("jobs", key="/id", dead_letter="jobs-dlq")
    jobs.dead_letters.publish([{"id": 1}])
    first = sandbox.drain()
    jobs.redrive()
    second = sandbox.drain()
    sandbox.finish()
    found = {
        name: [event.queue for event in one.events() if event.kind == "residue"] for name, one in (("1", first), ("2", second))
    }

    assert found == {"1": ["jobs-dlq"], "2": ["jobs-dlq", "jobs"]}
    assert [first.ledger().drained_how, first.ledger().closed_at] == ["quiet", None]
