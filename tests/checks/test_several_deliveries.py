"""What `effected_once` says of a message that is with several consumers at once, or comes more than twice."""

from harness.checks import effected_once
from tests.histories import history, over, place, sent, sqs

SQS = (sqs(effects=(("place",),), visibility_timeout=30.0), place())


def test_a_message_with_three_effects_is_one_message_and_two_times(tmp_path):
    lines = ["1 delivered q a r1 link=svc->sqs mid=m", "1.1 posted a 1"]
    lines += ["32 delivered q a r2 link=svc->sqs mid=m redelivered=true", "32.1 posted a 2"]
    lines += ["63 delivered q a r3 link=svc->sqs mid=m redelivered=true", "63.1 posted a 3"]

    verdict = effected_once(history(tmp_path, sent("a"), *lines, over(t=90), world=SQS))

    assert verdict.sentence.startswith("effected_once: broken: 1 of 1 messages: duplicated_by_expiry (2 times); first a: ")


def test_the_work_of_an_acknowledged_delivery_is_not_taken_for_a_retry_by_the_one_that_is_still_open(tmp_path):
    at = {name: f"link={name}->sqs mid=m" for name in ("one", "two")}
    lines = [
        f"1 delivered q a r1 {at['one']}",
        f"32 delivered q a r2 {at['two']} redelivered=true",
        f"63 delivered q a r3 {at['one']} redelivered=true",
        "70 near settled q a r1 delete link=one->sqs conn=2",
        "70.1 posted a 1 link=two->place",
        "70.2 near settled q a r2 delete link=two->sqs conn=2",
        "70.3 posted a 1 link=one->place",
        "70.5 posted a 2 link=one->place",
        "70.6 near settled q a r3 delete link=one->sqs conn=2",
        "70.7 far settled q a r1 delete link=one->sqs conn=2\n70.7 confirmed q a r1 true link=one->sqs conn=2",
        "70.8 far settled q a r3 delete link=one->sqs conn=2\n70.8 confirmed q a r3 true link=one->sqs conn=2",
    ]

    verdict = effected_once(history(tmp_path, sent("a"), *lines, over(t=90), world=SQS))

    assert verdict.labels == ("duplicated_by_expiry",)
