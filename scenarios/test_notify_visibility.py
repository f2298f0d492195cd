"""GOV.UK Notify: what a Celery worker on SQS holds is hidden for a time, and everything goes wrong that this time does not fit.

A task with a countdown is no delayed message: the worker takes it and waits. If the queue shows it again meanwhile, others take
it too, and all of them run it when its time has come (S4-17). So does what a worker has taken and not begun, four tasks for each
process (S4-18). Notify hid tasks for 4 hours to be safe, longer than any retry waits; then each deploy that killed a worker hid
what that had held for 4 hours, although nothing was wrong (S4-16). What fits is a short time, and countdowns that are shorter.

The numbers are a part of production's; the clock of brokers and services runs 20 times faster.
"""

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, effected_once, recovered
from harness.faults import kill, latency

scenario = pytest.mark.scenario
NOTIFY = Service.named("notify-worker")


def a_countdown_of_100_s(sandbox: Sandbox, *, hidden: float) -> History:
    """Two workers, and one text that is to be sent later."""
    mmg = sandbox.http("mmg", key="/reference")
    texts = sandbox.aws.queue("send-sms-tasks", key="/args/0", effect=mmg, visibility_timeout=hidden)
    sandbox.aws.queue("retry-tasks", key="/args/0", role="retry", visibility_timeout=hidden)
    for name in ("one", "two"):
        sandbox.start(NOTIFY, uses={"AWS_ENDPOINT_URL": sandbox.aws, "MMG_URL": mmg}, name=name)
    texts.publish([{"task": "deliver_sms", "args": ["N1"], "countdown": 100}], like="celery-5.6.2")
    return sandbox.drain()


@scenario("S4-17", "as it was", speed=20)
def test_who_waits_longer_than_it_is_hidden_is_not_alone(sandbox: Sandbox):
    require(effected_once(a_countdown_of_100_s(sandbox, hidden=40)).broken_as("duplicated_by_expiry"))


@scenario("S4-17", "as fixed", speed=20)
def test_hidden_for_longer_than_it_waits_it_runs_once(sandbox: Sandbox):
    history = a_countdown_of_100_s(sandbox, hidden=130)
    require(accounted(history), effected_once(history))


def four_slow_texts(sandbox: Sandbox, worker: Service) -> History:
    """Each text takes the provider 20 s, and what is received is hidden for 15 s."""
    mmg = sandbox.http("mmg", key="/reference")
    texts = sandbox.aws.queue("send-sms-tasks", key="/args/0", effect=mmg, visibility_timeout=15)
    sandbox.aws.queue("retry-tasks", key="/args/0", role="retry", visibility_timeout=15)
    uses = {"AWS_ENDPOINT_URL": sandbox.aws, "MMG_URL": mmg}
    service = sandbox.start(worker, uses=uses, environment={"PROVIDER_TIMEOUT": "60"})
    sandbox.inject(latency(service.link(mmg), 20))
    texts.publish(({"task": "deliver_sms", "args": [f"N{n}"]} for n in range(1, 5)), like="celery-5.6.2")
    return sandbox.drain()


@scenario("S4-18", "as it was", speed=20)
def test_what_was_taken_and_not_begun_runs_twice(sandbox: Sandbox):
    history = four_slow_texts(sandbox, NOTIFY)
    require(effected_once(history).broken_as("duplicated_by_expiry", only={"N2", "N3", "N4"}))


@scenario("S4-18", "as fixed", speed=20)
def test_who_takes_one_at_a_time_runs_each_once(sandbox: Sandbox):
    history = four_slow_texts(sandbox, NOTIFY["prefetch 1"])
    require(accounted(history), effected_once(history))


def a_deploy(sandbox: Sandbox, *, hidden: float) -> History:
    """Kill a worker that holds a text for later, and start another one."""
    mmg = sandbox.http("mmg", key="/reference")
    texts = sandbox.aws.queue("send-sms-tasks", key="/args/0", effect=mmg, visibility_timeout=hidden)
    sandbox.aws.queue("retry-tasks", key="/args/0", role="retry", visibility_timeout=hidden)
    uses = {"AWS_ENDPOINT_URL": sandbox.aws, "MMG_URL": mmg}
    old = sandbox.start(NOTIFY, uses=uses, environment={"WAIT_SECONDS": "5"}, name="old")
    sandbox.inject(kill(old, begins=texts.delivered() + 5))
    texts.publish([{"task": "deliver_sms", "args": ["N1"], "countdown": 20}], like="celery-5.6.2")
    sandbox.until(old.exited())
    sandbox.start(NOTIFY, uses=uses, environment={"WAIT_SECONDS": "5"}, name="new")
    return sandbox.drain()


@scenario("S4-16", "as it was", speed=20)
def test_a_deploy_hides_what_the_old_worker_held(sandbox: Sandbox):
    history = a_deploy(sandbox, hidden=220)
    require(effected_once(history), recovered(history, within=150).broken_as("late"))


@scenario("S4-16", "as fixed", speed=20)
def test_hidden_for_a_short_time_it_is_back_soon(sandbox: Sandbox):
    history = a_deploy(sandbox, hidden=31)
    require(effected_once(history), recovered(history, within=150))
