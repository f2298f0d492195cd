"""Trainee profiles, the versions in between: one message stops the listener for good (L-13).

With spring-cloud-aws 3.0.4 and 3.1.0 a consumer that does not have the class that a message's attribute names loses all that it
received with it, and never gives back the room they took: it has room for ten messages, so two receives of five are enough, and
it asks for nothing any more. The process lives, the queue grows, and the one line in the log is hours old. 3.1.1 leaves out only
that message, which then reaches its dead-letter queue and somebody who can look at it; 4.1.0 reads it like any other.

The numbers are those of production; the clock of brokers and services runs 20 times faster.
"""

from typing import Literal

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, effected_once, neighbours_served, signalled

scenario = pytest.mark.scenario
SYNC = Service.named("trainee-sync")
UPGRADED = {"JavaType": "uk.nhs.hee.trainee.details.event.ProfileCreateEvent"}
Ending = Literal["effected", "dead-lettered"]


def one_of_another_class(sandbox: Sandbox, sync: Service, *, ends: Ending, quiet: float | None = None) -> History:
    """Of five profiles that wait for their consumer the first comes from a producer that was upgraded; later come three more."""
    requests = sandbox.aws.queue("request.fifo", key="/id")
    created = sandbox.aws.queue(
        "profile-created", key="/traineeTisId", effect=requests, dead_letter="profile-created-dlq", max_receive_count=3
    )
    sandbox.alarms("ops").watch(created.dead_letters)
    created.publish([{"traineeTisId": "1"}], attributes=UPGRADED, ends=ends)
    created.publish({"traineeTisId": str(n)} for n in range(2, 6))
    sandbox.start(sync, uses={"AWS_ENDPOINT_URL": sandbox.aws})
    sandbox.until(created.delivered(key="1") + 60, within=120)
    created.publish({"traineeTisId": str(n)} for n in range(6, 9))
    return sandbox.drain(quiet=quiet)


@scenario("L-13", "as it was", speed=20)
def test_one_message_stops_the_listener(sandbox: Sandbox):
    history = one_of_another_class(sandbox, SYNC["3.1.0"], ends="dead-lettered", quiet=130)
    require(neighbours_served(history, within=120).broken_as("wedged"), signalled(history, within=300).broken_as("silent"))


@scenario("L-13", "as fixed", speed=20)
def test_only_that_message_is_left_out_and_somebody_is_told(sandbox: Sandbox):
    history = one_of_another_class(sandbox, SYNC["3.1.1"], ends="dead-lettered")
    require(neighbours_served(history, within=120), signalled(history, within=300), accounted(history))


@scenario("L-13", "as fixed", speed=20)
def test_the_attribute_is_not_looked_at(sandbox: Sandbox):
    history = one_of_another_class(sandbox, SYNC["4.1.0"], ends="effected")
    require(accounted(history), effected_once(history))
