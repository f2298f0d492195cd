"""Real services on a clock that is too fast for them or for the machine: nothing is concluded then, and nothing is broken."""

import os
import sys
from pathlib import Path

from harness import History, Sandbox, Service, Verdict
from harness.checks import accounted, effected_once, nothing_dead_lettered
from tests.sandboxes import Tell
from tests.stability.suite import busy
from tests.timers.quick import Quick

PROGRAMS = Path(__file__).parents[2] / "fixtures" / "programs"
HARD_WORKER = Service("reckoner", command=[sys.executable, str(PROGRAMS / "scripted_rabbit.py")])
TAKER = Service("taker", command=[sys.executable, str(PROGRAMS / "scripted_sqs.py")])
HARD = "reckon:2000000"
"""Half a second of processor time or more, which is ten seconds of the world."""
WRITER = Service.named("esr-writer")


def rejected_after_hard_work(sandbox: Sandbox) -> History:
    """One job is done, one is rejected: broken, wherever time passes as it does."""
    tcs = sandbox.http("tcs", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=tcs, dead_letter="jobs.dlq")
    sandbox.rabbitmq.queue("jobs.later", ttl=20, dead_letter="jobs")
    uses = {"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs}
    sandbox.start(HARD_WORKER, uses=uses, environment={"QUEUES": "jobs"})
    jobs.publish([{"id": 1, "do": [f"{HARD} post ack"]}, {"id": 2, "do": [f"{HARD} reject"]}])
    return sandbox.drain()


def test_a_service_too_slow_for_the_clock(quick: Quick, tell: Tell):
    found: list[Verdict] = []
    quick(lambda sandbox: found.append(nothing_dead_lettered(rejected_after_hard_work(sandbox))))
    with tell("") as sandbox:
        real = nothing_dead_lettered(rejected_after_hard_work(sandbox))
        word = real.conclusion

    assert word == "broken"
    assert found[0].conclusion == "unknown"
    assert "unknown: clock margin: at speed 20 the work of reckoner on one delivery took" in found[0].sentence
    assert "the shortest timer, ttl of jobs.later, is 20 s" in found[0].sentence


def test_a_client_with_a_short_time_out(quick: Quick):
    """Its answers come as ever; a twentieth of what it gives them is too little."""
    found: list[Verdict] = []

    def hurried(sandbox: Sandbox) -> None:
        tcs = sandbox.http("tcs", key="/placementId")
        exported = sandbox.rabbitmq.queue("placement-exported", key="/placementId", effect=tcs, dead_letter="dead")
        uses = {"AMQP_URL": sandbox.rabbitmq, "TCS_URL": tcs}
        sandbox.start(WRITER["as it was"], uses=uses, environment={"TCS_TIMEOUT": "0.02"})
        exported.publish({"placementId": n} for n in range(1, 21))
        found.append(nothing_dead_lettered(sandbox.drain()))

    quick(hurried)

    assert found[0].conclusion == "unknown"
    assert "unknown: clock margin: at speed 20 a client on esr-writer->tcs gave up after" in found[0].sentence


def test_a_loaded_machine(quick: Quick):
    """Every core has four programs too many: what is done at once elsewhere takes longer than a message is hidden from others."""
    found: list[Verdict] = []

    def crowded(sandbox: Sandbox) -> None:
        tcs = sandbox.http("tcs", key="/id")
        jobs = sandbox.aws.queue("jobs", key="/id", effect=tcs, visibility_timeout=1)
        uses = {"AWS_ENDPOINT_URL": sandbox.aws, "QUEUE_URL": jobs, "TCS_URL": tcs}
        for _ in range(2):
            sandbox.start(TAKER, uses=uses, environment={"QUEUES": "jobs"})
        jobs.publish({"id": n, "do": ["reckon:40000 post done"]} for n in range(1, 31))
        history = sandbox.drain(within=200)
        found.extend([accounted(history), effected_once(history)])

    with busy(4 * (os.cpu_count() or 1)):
        quick(crowded)

    doubted = [one.sentence for one in found if one.conclusion == "unknown"]
    assert {one.conclusion for one in found} <= {"kept", "unknown"}, [one.sentence for one in found]
    assert [sentence for sentence in doubted if "clock margin: at speed 20 " not in sentence] == []
