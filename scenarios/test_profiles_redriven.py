"""Trainee profiles, after the incident: what becomes of messages that a consumer cannot read, and how they are saved.

The consumer's library obeyed an attribute that the producer's had added. Without a dead-letter queue such messages come back
until they expire, and nobody hears of it (S1-07). With one, but no alarm on its depth, nobody hears either; with both, somebody
deploys a consumer that does not obey, and sends the messages back (S1-15). Mending the producer instead leaves the backlog as it
was: what was sent with the attribute comes back with it, unless the redrive takes it away (S1-13).
"""

import pytest

from harness import History, Instance, Queue, Sandbox, Service, require
from harness.checks import accounted, bundled, effected_once, parked, signalled

scenario = pytest.mark.scenario
DETAILS, SYNC = Service.named("trainee-details"), Service.named("trainee-sync")
EVENT = "uk.nhs.hee.trainee.details.event.ProfileCreateEvent"


def profile_created(sandbox: Sandbox, *, dead_letter: str | None = "profile-created-dlq") -> Queue:
    requests = sandbox.aws.queue("request.fifo", key="/id")
    return sandbox.aws.queue(
        "profile-created",
        key="/traineeTisId",
        effect=requests,
        visibility_timeout=30,
        dead_letter=dead_letter,
        max_receive_count=3,
    )


def profiles(first: int, last: int) -> list[dict[str, str]]:
    return [{"traineeTisId": str(n)} for n in range(first, last + 1)]


def three_that_cannot_be_read(sandbox: Sandbox, created: Queue) -> Instance:
    consumer = sandbox.start(SYNC["3.1.1"], uses={"AWS_ENDPOINT_URL": sandbox.aws})
    created.publish(profiles(1, 3), like="spring-cloud-aws-3.1.1", type=EVENT)
    return consumer


@scenario("S1-07", "as it was", speed=20)
def test_poison_without_a_dead_letter_queue_comes_back_for_ever(sandbox: Sandbox):
    three_that_cannot_be_read(sandbox, profile_created(sandbox, dead_letter=None))
    history = sandbox.drain()
    require(parked(history, attempts=3).broken_as("redelivered_for_ever"), accounted(history).broken_as("stuck"))


@scenario("S1-07", "as fixed", speed=20)
def test_with_one_it_is_tried_three_times_and_kept(sandbox: Sandbox):
    three_that_cannot_be_read(sandbox, profile_created(sandbox))
    require(parked(sandbox.drain(), attempts=3))


@scenario("S1-15", "as it was", speed=20)
def test_a_dead_letter_queue_that_nobody_watches_tells_nobody(sandbox: Sandbox):
    sandbox.alarms("ops")
    three_that_cannot_be_read(sandbox, profile_created(sandbox))
    require(signalled(sandbox.drain(), within=300).broken_as("silent"))


@scenario("S1-15", "as fixed", speed=20)
def test_the_dead_letter_queue_tells_and_gives_back(sandbox: Sandbox):
    created = profile_created(sandbox)
    sandbox.alarms("ops").watch(created.dead_letters)
    consumer = three_that_cannot_be_read(sandbox, created)
    broken = sandbox.drain()

    consumer.upgrade(SYNC["4.1.0"])
    created.redrive()
    mended = sandbox.drain()

    require(parked(broken, attempts=3), signalled(broken, within=300), bundled(broken, window=3600))
    require(accounted(mended), effected_once(mended))


def producer_mended_over_a_backlog(sandbox: Sandbox, *, drop: tuple[str, ...]) -> History:
    """Profiles 1-3 were sent with the attribute and are dead letters; then the producer stops sending it."""
    created = profile_created(sandbox)
    producer = sandbox.start(DETAILS["3.1.0"], uses={"AWS_ENDPOINT_URL": sandbox.aws})
    sandbox.start(SYNC["3.1.1"], uses={"AWS_ENDPOINT_URL": sandbox.aws})
    created.publish(profiles(1, 3), by=producer)
    sandbox.drain()

    producer.upgrade(DETAILS["3.1.0", "as fixed"])
    created.redrive(drop=drop)
    created.publish(profiles(4, 6), by=producer)
    return sandbox.drain()


@scenario("S1-13", "as it was", speed=20)
def test_mending_the_producer_leaves_the_backlog_poisoned(sandbox: Sandbox):
    history = producer_mended_over_a_backlog(sandbox, drop=())
    require(effected_once(history).broken_as("not_effected", only={"1", "2", "3"}))


@scenario("S1-13", "as fixed", speed=20)
def test_a_rewriting_redrive_saves_the_backlog(sandbox: Sandbox):
    history = producer_mended_over_a_backlog(sandbox, drop=("JavaType",))
    require(accounted(history), effected_once(history))
