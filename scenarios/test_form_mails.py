r"""TIS notifications: a doctor updated a form once, and was told so up to ten times.

The notification service looks the doctor up in its user pool. For some that takes longer than the 30 s for which the queue hides
a message that is being worked on. So the message comes back while its mail is being written, again and again, until the queue has
given it out ten times (S3-01) and calls it a dead letter, though it was done ten times over (S3-02). The team hid messages for
longer. The price is paid after a crash: until that time is over nobody gets the message. Who hides it for a short time, and
extends that while working, has neither (S3-12). It is told of those alone who are not in the service's cache: whoever was looked
up a moment ago is quick, so tests and small user pools never showed it (S3-07).

The numbers are those of production, but for the cache, which kept an account for a day and keeps it for two minutes here; the
clock of brokers and services runs 20 times faster.
"""

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, effected_once, headroom, nothing_dead_lettered, recovered
from harness.faults import kill, latency

scenario = pytest.mark.scenario
MAILER = Service.named("trainee-notifications")
FORGETFUL = MAILER["caches accounts for two minutes"]


def slow_user_pool(sandbox: Sandbox, mailer: Service, *, hidden: float = 30, receives: int = 10, killed: bool = False) -> History:
    """Four forms are updated, and looking up the last doctor takes 45 s; the first who does it may be killed meanwhile."""
    mails = sandbox.aws.mailbox(key=r"subject ~ form (\S+)")
    pool = sandbox.http("cognito")  # no key: it is asked, not changed
    forms = sandbox.aws.queue(
        "form-updated.fifo", key="/formId", group="/formId", effect=mails, visibility_timeout=hidden,
        dead_letter="form-updated-dlq.fifo", max_receive_count=receives,
    )  # fmt: skip
    service = sandbox.start(mailer, uses={"AWS_ENDPOINT_URL": sandbox.aws, "COGNITO_URL": pool, "SMTP_URL": mails})
    forms.publish({"formId": form} for form in ("F1", "F2", "F3"))
    sandbox.until(forms.settled(3))
    sandbox.inject(latency(service.link(pool), 45))
    if killed:
        sandbox.inject(kill(service, begins=pool.requested(4), lasts=45))
    forms.publish([{"formId": "F4"}])
    return sandbox.drain()


@scenario("S3-01", "as it was", speed=20)
def test_one_form_and_ten_mails(sandbox: Sandbox):
    history = slow_user_pool(sandbox, MAILER["as it was"])
    require(effected_once(history).broken_as("duplicated_by_expiry"), headroom(history, at_least=0.1).broken_as("overrun"))


@scenario("S3-01", "as fixed", speed=20)
def test_hidden_for_longer_it_is_one_mail(sandbox: Sandbox):
    history = slow_user_pool(sandbox, MAILER["as it was"], hidden=270)
    require(accounted(history), effected_once(history), headroom(history, at_least=0.5))


@scenario("S3-02", "as it was", speed=20)
def test_what_was_mailed_is_a_dead_letter(sandbox: Sandbox):
    history = slow_user_pool(sandbox, MAILER["as it was"], receives=3)
    require(accounted(history).broken_as("effected_and_dead_lettered"))


@scenario("S3-02", "as fixed", speed=20)
def test_who_extends_the_time_while_working_mails_once(sandbox: Sandbox):
    history = slow_user_pool(sandbox, MAILER["3.4.2", "heartbeat"], hidden=60, receives=3)
    require(accounted(history), effected_once(history), nothing_dead_lettered(history))


@scenario("S3-12", "as it was", speed=20)
def test_a_crash_hides_the_message_for_long(sandbox: Sandbox):
    history = slow_user_pool(sandbox, MAILER["as it was"], hidden=500, killed=True)
    require(effected_once(history), recovered(history, within=400).broken_as("late"))


@scenario("S3-12", "as fixed", speed=20)
def test_after_a_crash_it_is_back_soon(sandbox: Sandbox):
    history = slow_user_pool(sandbox, MAILER["heartbeat"], hidden=60, killed=True)
    require(effected_once(history), recovered(history, within=400))


def one_doctor_and_the_cache(sandbox: Sandbox, *, hidden: float) -> History:
    """Four forms of one doctor, whom to look up takes 45 s: before that, after it, when it is forgotten, after a restart."""
    mails = sandbox.aws.mailbox(key=r"subject ~ form (\S+)")
    pool = sandbox.http("cognito")
    forms = sandbox.aws.queue("form-updated.fifo", key="/formId", group="/formId", effect=mails, visibility_timeout=hidden)
    uses = {"AWS_ENDPOINT_URL": sandbox.aws, "COGNITO_URL": pool, "SMTP_URL": mails}
    service = sandbox.start(FORGETFUL, uses=uses)
    sandbox.inject(latency(service.link(pool), 45))
    forms.publish([{"formId": "cold"}])
    sandbox.until(forms.settled(key="cold"))
    forms.publish([{"formId": "warm"}])
    sandbox.until(forms.settled(key="warm") + 120, within=300)
    forms.publish([{"formId": "forgotten"}])
    sandbox.until(forms.settled(key="forgotten"))
    service.upgrade(FORGETFUL)
    forms.publish([{"formId": "restarted"}])
    return sandbox.drain()


@scenario("S3-07", "as it was", speed=20)
def test_only_who_is_not_in_the_cache_is_told_twice(sandbox: Sandbox):
    history = one_doctor_and_the_cache(sandbox, hidden=30)
    require(effected_once(history).broken_as("duplicated_by_expiry", only={"cold", "forgotten", "restarted"}))


@scenario("S3-07", "as fixed", speed=20)
def test_hidden_for_longer_all_are_told_once(sandbox: Sandbox):
    history = one_doctor_and_the_cache(sandbox, hidden=270)
    require(accounted(history), effected_once(history))
