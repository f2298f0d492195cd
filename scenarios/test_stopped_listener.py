"""Trainee profiles, the versions in between: one message stops the listener for good (L-13).

With spring-cloud-aws 3.0.4 and 3.1.0 a consumer that does not have the class that a message's attribute names loses all that it
received with it, and never gives back the room they took: soon it asks for nothing more. The process lives, the queue grows, and
the one line in the log is hours old. 3.1.1 leaves out only that message, which then reaches its dead-letter queue and somebody
who can look at it; 4.1.0 reads it like any other.

The numbers are those of production; the clock of brokers runs 20 times faster.
"""

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, effected_once, neighbours_served, signalled
from harness.faults import altered

scenario = pytest.mark.scenario
SYNC = Service.named("trainee-sync")
UPGRADED = {"JavaType": "uk.nhs.hee.trainee.details.event.ProfileCreateEvent"}


def one_of_another_class(sandbox: Sandbox, sync: Service, *, quiet: float | None = None) -> History:
    """Of five profiles the first comes with the class of a producer that was upgraded."""
    requests = sandbox.aws.queue("request.fifo", key="/id")
    created = sandbox.aws.queue(
        "profile-created", key="/traineeTisId", effect=requests, dead_letter="profile-created-dlq", max_receive_count=3
    )
    sandbox.alarms("ops").watch(created.dead_letters)
    service = sandbox.start(sync, uses={"AWS_ENDPOINT_URL": sandbox.aws})
    sandbox.inject(altered(service.link(sandbox.aws), on="ReceiveMessage", key="1", attributes=UPGRADED))
    created.publish([{"traineeTisId": "1"}])
    sandbox.until(created.delivered())
    created.publish({"traineeTisId": str(n)} for n in range(2, 6))
    return sandbox.drain(quiet=quiet)


@scenario("L-13", "as it was", speed=20)
def test_one_message_stops_the_listener(sandbox: Sandbox):
    history = one_of_another_class(sandbox, SYNC["3.1.0"], quiet=130)
    require(neighbours_served(history, within=120).broken_as("wedged"), signalled(history, within=300).broken_as("silent"))


@scenario("L-13", "as fixed", speed=20)
def test_only_that_message_is_left_out_and_somebody_is_told(sandbox: Sandbox):
    history = one_of_another_class(sandbox, SYNC["3.1.1"])
    require(neighbours_served(history, within=120), signalled(history, within=300))


@scenario("L-13", "as fixed", speed=20)
def test_the_attribute_is_not_looked_at(sandbox: Sandbox):
    history = one_of_another_class(sandbox, SYNC["4.1.0"])
    require(neighbours_served(history, within=120), accounted(history), effected_once(history))
