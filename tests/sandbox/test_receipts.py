"""A resource that calls a service back: of each change, before the change is answered."""

import sys
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.faults import kill
from harness.sandbox.sandbox import Sandbox
from harness.services.service import Service

PROGRAM = Path(__file__).parents[2] / "fixtures" / "programs" / "worker.py"
WORKER = Service("worker", command=[sys.executable, str(PROGRAM)])
DETAILS = Service.named("trainee-details")


def test_each_change_is_told_before_it_is_answered(sandbox: Sandbox):
    place = sandbox.http("place", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=place)
    sandbox.aws.queue("profile-created", key="/traineeTisId")
    sandbox.start(WORKER, uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": place})
    details = sandbox.start(DETAILS, uses={"AWS_ENDPOINT_URL": sandbox.aws})
    place.calls_back(details, "/profiles", {"traineeTisId": "T {key}"})
    jobs.publish({"id": name} for name in ("1", 'a "b"'))
    history = sandbox.drain()
    kinds = {("resource", "effected"), ("near", "attempted"), ("near", "answered")}
    found = [(event.kind, event.key) for event in history.events() if (event.at, event.kind) in kinds and event.key]

    assert [key for kind, key in found if kind == "attempted"] == ["T 1", 'T a "b"']
    assert found[:3] == [("effected", "1"), ("attempted", "T 1"), ("answered", "1")]


def test_what_the_service_does_not_take_is_lost(sandbox: Sandbox):
    place = sandbox.http("place", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=place)
    sandbox.start(WORKER, uses={"AMQP_URL": sandbox.rabbitmq, "TCS_URL": place})
    details = sandbox.start(DETAILS, uses={"AWS_ENDPOINT_URL": sandbox.aws})
    place.calls_back(details, "/profiles", {"traineeTisId": "{key}"})
    sandbox.inject(kill(details, begins=place.requested(1)))
    jobs.publish([{"id": "1"}])
    history = sandbox.drain()

    found = [event.kind for event in history.events() if event.kind in {"exited", "effected", "answered"} and event.at != "near"]

    assert found[:3] == ["exited", "effected", "answered"]


@pytest.mark.parametrize(("service", "path"), [(WORKER, "/receipts"), (DETAILS, "profiles")], ids=["no port", "no path"])
def test_who_cannot_be_called_back_is_told(sandbox: Sandbox, service: Service, path: str):
    place = sandbox.http("place", key="/id")
    uses = {"AMQP_URL": sandbox.rabbitmq, "TCS_URL": place, "AWS_ENDPOINT_URL": sandbox.aws}
    one = sandbox.start(service, uses=uses, name="one")
    with pytest.raises(
        UsageError, match=rf"place\.calls_back\(one, '{path}', \.\.\.\): a path of a service whose service\.toml says"
    ):
        place.calls_back(one, path, {})
