"""Trainee updates: the upgrade that made profiles vanish also renamed two headers, and for 16 months nobody saw what that did.

trainee-sync told its library by a header, message-group-id, which updates belong to one record. From 3.0 on that header has
another name. The old one is sent as an attribute like any other, and the library makes up a group for each message: two consumers
work on updates of one record at the same time, and the oldest may come last (S1-17). Nothing fails, so nothing is logged.

The numbers are those of production; the clock of brokers and services runs 20 times faster.
"""

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, conforms, effected_once, in_order
from harness.faults import held

scenario = pytest.mark.scenario
SYNC, TIS = Service.named("trainee-sync"), Service.named("sqs-poller")
REQUEST = {"payload": {"required": ["table", "id", "revision"]}}  # its group is where the queue says


def three_updates_of_one_record(sandbox: Sandbox, sync: Service) -> History:
    """Two consumers take the requests that the updates become; the first of them is long on its way to TIS."""
    tis = sandbox.http("tis", key="/revision")
    requests = sandbox.aws.queue(
        "request.fifo", key="/revision", group="/id", effect=tis, contract=REQUEST, visibility_timeout=300
    )
    updates = sandbox.aws.queue(
        "profile-updated.fifo", key="/revision", group="/traineeTisId", effect=requests, visibility_timeout=300
    )
    sandbox.start(sync, uses={"AWS_ENDPOINT_URL": sandbox.aws}, environment={"PROFILE_QUEUE": "profile-updated.fifo"})
    uses = {"AWS_ENDPOINT_URL": sandbox.aws, "QUEUE_URL": requests, "WORK_URL": tis}
    one, other = sandbox.start(TIS, uses=uses), sandbox.start(TIS, uses=uses)
    sandbox.inject(*(held(each.link(tis), key="1") for each in (one, other)))
    updates.publish(({"traineeTisId": "7", "revision": n} for n in (1, 2, 3)), like="spring-cloud-aws-2.4.4")
    sandbox.until(requests.delivered(key="1") + 60, within=300)
    sandbox.heal()
    return sandbox.drain()


@scenario("S1-17", "as it was", speed=20)
def test_a_renamed_header_loses_the_order(sandbox: Sandbox):
    history = three_updates_of_one_record(sandbox, SYNC["3.1.1", "headers of 2.4"])
    require(in_order(history).broken_as("effect_inversion"), conforms(history).broken_as("wrong_group"), accounted(history))


@scenario("S1-17", "as fixed", speed=20)
@pytest.mark.parametrize("sync", [SYNC["2.4.4"], SYNC["3.1.1"]], ids=["before the upgrade", "headers renamed"])
def test_updates_of_one_record_wait_for_each_other(sandbox: Sandbox, sync: Service):
    history = three_updates_of_one_record(sandbox, sync)
    require(in_order(history), conforms(history), accounted(history), effected_once(history))
