"""GOV.UK Notify: a provider of text messages fails, or seems to, and the worker fails over to another one.

What a provider answers with 503 is tried again until somebody takes it (S4-08). Sometimes it took the text all the same, and its
receipt is there before the retry: the text was delivered, the retry finds nothing left to do, and nobody ever notes who sent it
and what it costs (S4-09). If it was only the answer that was lost, failing over sends a second text (S4-10). Whoever notes the
cost of an attempt whatever came of it, and asks the first provider before anybody else, is spared both.

The numbers are a tenth of production's; the clock of brokers and services runs 20 times faster.
"""

import pytest

from harness import History, Sandbox, Service, require
from harness.checks import accounted, classified, effected_once, in_doubt_resolved
from harness.faults import answer_lost, status

scenario = pytest.mark.scenario
NOTIFY = Service.named("notify-worker")
TEXT = {"task": "deliver_sms", "args": ["N1"]}


@scenario("S4-08", "baseline", speed=20)
def test_what_is_answered_with_503_is_tried_again(sandbox: Sandbox):
    mmg = sandbox.http("mmg", key="/reference")
    texts = sandbox.aws.queue("send-sms-tasks", key="/args/0", effect=mmg, visibility_timeout=310)
    sandbox.aws.queue("retry-tasks", key="/args/0", role="retry", visibility_timeout=310)
    uses = {"AWS_ENDPOINT_URL": sandbox.aws, "MMG_URL": mmg}
    worker = sandbox.start(NOTIFY["as fixed"], uses=uses, environment={"RETRY_SECONDS": "30"})
    sandbox.inject(status(worker.link(mmg), 503, times=3))
    texts.publish([TEXT], like="celery-5.6.2")
    history = sandbox.drain()
    require(accounted(history), effected_once(history), classified(history))


def receipt_before_the_retry(sandbox: Sandbox, notify: Service) -> History:
    """MMG takes the text and reports it delivered at once, but answers with 503."""
    mmg = sandbox.http("mmg", key="/reference")
    billed = sandbox.postgres("notify", effect="SELECT id FROM notifications WHERE billable_units > 0 AND sent_by IS NOT NULL")
    texts = sandbox.aws.queue("send-sms-tasks", key="/args/0", effect=[mmg, billed], visibility_timeout=310)
    sandbox.aws.queue("retry-tasks", key="/args/0", role="retry", visibility_timeout=310)
    uses = {"AWS_ENDPOINT_URL": sandbox.aws, "MMG_URL": mmg, "DATABASE_URL": billed}
    worker, api = sandbox.start(notify, uses=uses), sandbox.start(notify["api"], uses=uses, name="api")
    mmg.calls_back(api, "/notifications/sms/mmg", {"CID": "{key}", "status": "3"})
    sandbox.inject(answer_lost(worker.link(mmg), status=503, times=1))
    texts.publish([TEXT], by=api)
    return sandbox.drain()


@scenario("S4-09", "as it was", speed=20)
def test_what_was_delivered_is_not_billed(sandbox: Sandbox):
    history = receipt_before_the_retry(sandbox, NOTIFY["as it was"])
    require(accounted(history).broken_as("partly_effected"))


@scenario("S4-09", "as fixed", speed=20)
def test_what_was_delivered_is_billed_once(sandbox: Sandbox):
    history = receipt_before_the_retry(sandbox, NOTIFY["as fixed"])
    require(accounted(history), effected_once(history))


def failed_over_in_doubt(sandbox: Sandbox, notify: Service) -> History:
    """MMG takes texts, and its answers are lost; Firetext is well."""
    mmg, firetext = sandbox.http("mmg", key="/reference"), sandbox.http("firetext", key="/reference")
    texts = sandbox.aws.queue("send-sms-tasks", key="/args/0", effect=mmg | firetext, visibility_timeout=310)
    sandbox.aws.queue("retry-tasks", key="/args/0", role="retry", visibility_timeout=310)
    worker = sandbox.start(notify, uses={"AWS_ENDPOINT_URL": sandbox.aws, "MMG_URL": mmg, "FIRETEXT_URL": firetext})
    sandbox.inject(answer_lost(worker.link(mmg), on="POST"))
    texts.publish([TEXT], like="celery-5.6.2")
    return sandbox.drain()


@scenario("S4-10", "as it was", speed=20)
def test_two_providers_send_one_text_each(sandbox: Sandbox):
    history = failed_over_in_doubt(sandbox, NOTIFY["as it was"])
    require(accounted(history), effected_once(history).broken_as("duplicated_by_blind_retry"))


@scenario("S4-10", "accepted", speed=20)
def test_a_second_text_may_be_better_than_none(sandbox: Sandbox):
    history = failed_over_in_doubt(sandbox, NOTIFY["as it was"])
    cheap = effected_once(history).waived("duplicated_by_blind_retry", because="a second text is better than none", at_most=1)
    require(accounted(history), cheap)


@scenario("S4-10", "as fixed", speed=20)
def test_who_may_have_taken_it_is_asked_first(sandbox: Sandbox):
    history = failed_over_in_doubt(sandbox, NOTIFY["as fixed"])
    require(accounted(history), effected_once(history), in_doubt_resolved(history))
