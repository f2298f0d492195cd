"""Trainee profiles: a library upgrade added a message attribute, and for three months new profiles vanished in silence.

When a profile is created, trainee-sync asks for a full synchronization of that person: one request on a FIFO queue. The library
that the producer's team used for messaging, upgraded from 2.4 to 3.1, put an attribute on every message: JavaType, the class the
producer had made it from. The consumer's library obeyed it, did not have that class, and left every message to come back. The
queue had no dead-letter queue, no alarm watched it, and the error tracker was configured wrongly (S1-02).

The numbers are those of production; the clock of brokers and services runs 20 times faster.
"""

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, effected_once, signalled
from harness.faults import altered

scenario = pytest.mark.scenario
SYNC = Service.named("trainee-sync")
UPGRADED = {"JavaType": "uk.nhs.hee.trainee.details.event.ProfileCreateEvent"}


def five_profiles(sandbox: Sandbox, sync: Service, attributes: dict[str, str], *, on: str = "ReceiveMessage") -> History:
    """Five profiles are created; each must become one data request, or somebody must hear of it."""
    requests = sandbox.aws.queue("request.fifo", key="/id")
    created = sandbox.aws.queue("profile-created", key="/traineeTisId", effect=requests, visibility_timeout=30)
    sentry = sandbox.alarms("sentry")
    service = sandbox.start(sync, uses={"AWS_ENDPOINT_URL": sandbox.aws, "SENTRY_DSN": sentry})
    if attributes:
        sandbox.inject(altered(service.link(sandbox.aws), on=on, attributes=attributes))
    created.publish({"traineeTisId": str(n)} for n in range(1, 6))
    return sandbox.drain()


@scenario("S1-01", "baseline", speed=20)
def test_each_profile_is_requested_once(sandbox: Sandbox):
    history = five_profiles(sandbox, SYNC["as it was"], attributes={})
    require(accounted(history), effected_once(history))


@scenario("S1-02", "as it was", speed=20)
def test_profiles_vanish_in_silence(sandbox: Sandbox):
    history = five_profiles(sandbox, SYNC["as it was"], UPGRADED)
    require(accounted(history).broken_as("stuck"), signalled(history, within=60).broken_as("silent"))


@scenario("S1-02", "as fixed", speed=20)
def test_a_type_attribute_is_not_an_order(sandbox: Sandbox):
    history = five_profiles(sandbox, SYNC["as fixed"], UPGRADED)
    require(accounted(history), effected_once(history))
