"""A serial consumer of a FIFO queue whose work outlasts the visibility timeout: refused its delete, it does the work again."""

from harness.checks import accounted, effected_once
from harness.history import fidelity
from harness.history.journal import Journal
from tests.labels.worlds import scripted
from tests.sandboxes import Tell

LATE, IN_TIME = ["post sleep:5 delete", "post delete"], ["post delete"]


def test_who_deletes_too_late_on_fifo_is_refused_and_sends_again(tell: Tell):
    with tell("as it was") as sandbox:
        tcs = sandbox.http("tcs", key="/id")
        jobs = sandbox.aws.queue("jobs.fifo", key="/id", effect=tcs, visibility_timeout=3)
        uses = {"AWS_ENDPOINT_URL": sandbox.aws, "QUEUE_URL": jobs, "TCS_URL": tcs}
        sandbox.start(scripted("sqs"), uses=uses, environment={"QUEUES": "jobs.fifo"})
        jobs.publish([{"id": "late", "do": LATE}, {"id": "in time", "do": IN_TIME}])
        history = sandbox.drain()
        verdict = effected_once(history)
        found = (accounted(history).conclusion, verdict.conclusion, verdict.label, verdict.definite)
    events = [event for event in Journal(history.path).events() if event.kind == "confirmed" and event.at == "far"]

    assert found == ("kept", "broken", "duplicated_by_expiry", 1)
    assert [(event.key, event.ok, (event.data or {}).get("shim")) for event in events] == [
        ("late", False, fidelity.LATE_DELETE),
        ("late", True, None),
        ("in time", True, None),
    ]
    assert set(Journal(history.path).header.fidelity).isdisjoint({fidelity.LATE_DELETE, fidelity.SIZE})
