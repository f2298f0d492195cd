"""What drain knows of a world that is under way, told as literal events."""

import pytest

from harness.history.events import At, Event, Kind
from harness.history.progress import Progress


def at(t: float, kind: Kind, where: At = "harness", **fields) -> Event:
    return Event(t=t, kind=kind, at=where, **fields)


def after(*events: Event) -> Progress:
    progress = Progress()
    for event in events:
        progress.step(event)
    return progress


def delivered(t: float, tag: str, *, queue: str = "jobs", key: str = "1", **fields) -> Event:
    return at(t, "delivered", "far", link="a->b", conn=1, queue=queue, key=key, tag=tag, **fields)


SQS = at(0, "declared", data={"what": "queue", "name": "jobs", "visibility_timeout": 30})


def test_an_open_delivery_is_pending_until_it_is_settled_far():
    opened = after(delivered(1, "1:1"))
    settled = at(2, "settled", "near", link="a->b", conn=1, queue="jobs", tag="1:1", how="ack", key="1")
    assert opened.pending(5) == "1 delivery(ies) of jobs not settled"
    opened.step(settled)
    assert opened.pending(2.5)
    opened.step(at(2.1, "settled", "far", link="a->b", conn=1, queue="jobs", tag="1:1", how="ack", key="1"))
    assert opened.pending(2.5) == ""


def test_a_delivery_on_sqs_is_pending_until_its_visibility_timeout():
    opened = after(SQS, delivered(1, "r1"))
    assert opened.pending(30.9)
    assert opened.pending(31.1) == ""
    opened.expire(31.1)
    assert opened.open == {}


def test_the_visibility_asked_for_with_a_receive_goes_before_the_queues():
    opened = after(SQS, delivered(1, "r1", data={"visibility": 5}))
    assert opened.pending(6.1) == ""


def test_a_changed_visibility_moves_the_timer():
    change = at(2, "settled", "far", link="a->b", queue="jobs", tag="r1", how="visibility", delay=60.0)
    unknown = at(2, "settled", "far", link="a->b", queue="jobs", tag="r9", how="visibility", delay=60.0)
    opened = after(SQS, delivered(1, "r1"), change, unknown)
    assert opened.pending(61)
    assert opened.pending(62.1) == ""


def test_a_closed_connection_leaves_nothing_open_on_it():
    request = at(1, "requested", "near", link="a->b", conn=1, x=1)
    other = at(1, "requested", "near", link="a->c", conn=1, x=1)
    opened = after(delivered(1, "1:1"), delivered(1, "2:1"), request, other)
    assert "2 request(s)" in opened.pending(2)
    opened.step(at(2, "closed", "near", link="a->b", conn=1, data={"channel": 2}))
    assert len(opened.open) == 1
    opened.step(at(2, "closed", "near", link="a->b", conn=1))
    assert opened.open == {}
    opened.step(at(2, "answered", "near", link="a->c", conn=1, x=1))
    assert opened.pending(2) == ""


def test_a_delivery_that_was_under_way_as_its_consumer_hung_up_is_not_waited_for():
    assert after(at(1, "closed", "far", link="a->b", conn=1), delivered(1.1, "1:1")).pending(2) == ""
    assert after(SQS, at(1, "closed", "far", link="a->b", conn=1), delivered(1.1, "r1")).pending(2)


def test_a_request_written_before_the_service_noticed_that_the_other_side_had_closed_is_not_waited_for():
    closed = at(1, "closed", "near", link="a->b", conn=1, how="fin", data={"by": "target"})
    late = at(1.1, "requested", "near", link="a->b", conn=1, x=2)
    other = at(1.1, "requested", "near", link="a->b", conn=2, x=1)
    assert after(closed, late).pending(2) == ""
    assert "1 request(s)" in after(closed, late, other).pending(2)


def test_a_copy_of_a_request_that_a_fault_made_is_not_waited_for():
    copy = at(1.1, "requested", "near", link="a->b", conn=2, x=2, fault="f1")
    assert after(copy).pending(2) == ""


def test_an_empty_poll_is_no_traffic_and_an_answer_with_messages_is():
    progress = after(at(1, "started"), at(5, "answered", "near", wire="ReceiveMessage"))
    assert progress.last_traffic == 1
    progress.step(at(6, "answered", "near", wire="POST"))
    assert progress.last_traffic == 6


def test_a_connection_for_each_poll_is_no_traffic_and_any_other_is():
    polls = at(1, "subscribed", "near", link="a->sqs", queue="jobs", wire="ReceiveMessage")
    consumes = at(1, "subscribed", "near", link="a->rabbit", queue="jobs", wire="Basic.Consume")
    progress = after(polls, consumes, at(5, "opened", "near", link="a->sqs"), at(6, "closed", "far", link="a->sqs"))
    progress.step(at(6, "subscribed", "near", link="a->sqs", queue="jobs", wire="ReceiveMessage"))
    assert progress.last_traffic == progress.last_progress == 1
    progress.step(at(6, "subscribed", "near", link="a->sqs", queue="more", wire="ReceiveMessage"))
    assert progress.last_progress == 6
    progress.step(at(7, "opened", "near", link="a->rabbit"))
    assert progress.last_traffic == 7


def test_undone_is_what_was_sent_and_has_neither_effect_nor_end():
    sends = [at(1, "attempted", queue="jobs", key=key) for key in ("1", "2", "3", "4")]
    effects = [at(2, "effected", "resource", key="1"), at(2, "acknowledged", "far", queue="requests", key="2")]
    rejected = at(2, "settled", "far", link="a->b", conn=1, how="reject", key="3")
    declared = at(0, "declared", data={"what": "queue", "name": "jobs", "effects": [["requests"], ["place"]]})
    progress = after(declared, *sends, at(1, "acknowledged", queue="jobs", key="4"), *effects, rejected)
    assert progress.undone == 1


def test_what_a_real_producer_sends_is_no_effect_of_it():
    declared = at(0, "declared", data={"what": "queue", "name": "jobs", "effects": [["requests"]]})
    told = at(1, "attempted", queue="jobs", key="1", wire="told")
    progress = after(declared, told, at(1.1, "acknowledged", "far", queue="jobs", key="1"))
    assert progress.undone == 1
    progress.step(at(2, "acknowledged", "far", queue="requests", key="1"))
    assert progress.undone == 0


def redelivered(times: int, every: float = 2.0) -> list[Event]:
    return [delivered(1 + n * every, f"r{n}") for n in range(times)]


def test_a_message_that_is_only_delivered_again_makes_a_steady_world():
    assert after(SQS, *redelivered(3)).steady(6) == ""
    assert "1 message(s) are only delivered again, about every 2.0 s" in after(SQS, *redelivered(5)).steady(9.5)


@pytest.mark.parametrize(("broker", "steady"), [("rabbitmq", False), ("aws", True)])
def test_what_rabbitmq_ends_by_itself_after_some_deliveries_is_not_steady_before(broker: str, *, steady: bool):
    limit = {"what": "queue", "name": "jobs", "max_receive_count": 3}
    more = {"visibility_timeout": 30} if broker == "aws" else {}
    declared = at(0, "declared", data={**limit, **more})
    assert bool(after(declared, *redelivered(6)).steady(11.5)) is steady
    assert after(declared, *redelivered(7)).steady(13.5)


def test_a_world_that_stopped_redelivering_is_not_steady():
    assert after(SQS, *redelivered(5)).steady(30) == ""


@pytest.mark.parametrize("kind", ["effected", "acknowledged", "started", "fault"])
def test_whatever_is_progress_starts_the_count_again(kind: Kind):
    assert after(SQS, *redelivered(5), at(9.1, kind, "harness")).steady(9.5) == ""


def test_a_first_delivery_is_progress():
    assert after(SQS, *redelivered(5), delivered(9.1, "r9", key="2")).steady(9.5) == ""


def test_a_consumer_is_known_by_its_link():
    assert after(at(1, "subscribed", "near", link="a->b", queue="jobs")).subscribed == {"a->b": 1}


def test_other_declarations_and_sends_without_a_key_change_nothing():
    progress = after(at(0, "declared", data={"what": "link", "name": "a->b"}), at(0, "attempted"), at(0, "requested", "resource"))
    assert (progress.visibility, progress.expected, progress.requests) == ({}, set(), {})
    progress.step(at(1, "answered", "resource"))
    progress.step(at(1, "delivered", "near"))
    assert progress.open == {}


# ------------------------------------------------------------------------------------- what a fault took, or holds

LOST = at(0, "fault", fault="f1", how="began", data={"fault": "answer_lost", "link": "a->b"})
BIT = {"link": "a->b", "conn": 1, "queue": "jobs", "key": "1", "wire": "Basic.Deliver", "fault": "f1"}


def test_a_settlement_that_does_not_come_to_rabbitmq_is_not_waited_for():
    said = at(2, "settled", "near", link="a->b", conn=1, queue="jobs", tag="1:1", how="ack", key="1")
    progress = after(delivered(1, "1:1"), said)

    assert progress.pending(2.9)
    assert progress.pending(3.1) == ""
    progress.expire(3.1)
    assert progress.open == {}


def test_a_settlement_that_does_not_come_to_sqs_leaves_the_message_in_flight():
    said = at(2, "settled", "near", link="a->b", conn=1, queue="jobs", tag="r1", how="delete", key="1")

    assert after(SQS, delivered(1, "r1"), said).pending(30.9)


def test_a_delivery_that_a_fault_took_is_not_waited_for_and_one_that_it_let_go_is():
    taken = after(LOST, delivered(1, "1:1"), delivered(1, "1:2", key="2"), at(1, "bit", "far", **BIT))
    assert [ident[2] for ident in taken.open] == ["1:2"]

    taken.step(at(5, "delivered", "near", link="a->b", conn=1, queue="jobs", key="1", tag="1:1"))
    assert len(taken.open) == 2


def test_a_copy_that_a_fault_made_is_waited_for_like_any_delivery():
    copy = at(1, "delivered", "near", link="a->b", conn=1, queue="jobs", key="1", tag="1:1+2", fault="f1")
    progress = after(copy)
    assert progress.pending(50)
    progress.step(at(51, "settled", "near", link="a->b", conn=1, queue="jobs", key="1", tag="1:1+2", how="ack"))
    assert progress.pending(53) == ""


def test_a_copy_on_sqs_has_the_receipt_of_its_original_and_a_delete_of_its_own():
    copy = at(1, "delivered", "near", link="a->b", conn=1, queue="jobs", key="1", tag="r1", fault="f1")
    progress = after(SQS, delivered(1, "r1"), copy)
    progress.step(at(2, "settled", "far", link="a->b", queue="jobs", tag="r1", how="visibility", delay=60.0))
    for seat in ("near", "far"):
        progress.step(at(2, "settled", seat, link="a->b", conn=1, queue="jobs", key="1", tag="r1", how="delete"))
    assert progress.pending(61)
    progress.step(at(4, "settled", "near", link="a->b", conn=1, queue="jobs", key="1", tag="r1", how="delete"))
    assert progress.pending(5) == ""


def test_what_came_to_its_service_when_its_time_was_over_is_worked_on_nevertheless():
    progress = after(SQS, delivered(1, "r1"))
    progress.expire(32)
    progress.step(at(33, "delivered", "near", link="a->b", conn=1, queue="jobs", key="1", tag="r1"))

    assert progress.pending(34)


@pytest.mark.parametrize("other", [{"wire": "Basic.Ack"}, {"fault": "f2"}])
def test_other_bites_end_no_delivery(other: dict[str, str]):
    assert len(after(LOST, delivered(1, "1:1"), at(1, "bit", "far", **{**BIT, **other})).open) == 1


def test_who_was_started_again_is_waited_for_as_his_first_start_took():
    first = at(1, "started", service="a"), at(3, "subscribed", "near", link="a->b", queue="jobs", wire="Basic.Consume")
    again = after(*first, at(10, "exited", service="a"), at(11, "started", service="a"))
    assert again.pending(20.9) == "a was started again and takes no messages yet"
    assert again.pending(21.1) == ""
    again.step(at(12, "subscribed", "near", link="a->b", queue="jobs", wire="Basic.Consume"))
    assert again.pending(13) == ""


def test_who_was_started_again_and_exits_is_waited_for_no_more():
    first = at(1, "started", service="a"), at(3, "subscribed", "near", link="a->b", queue="jobs", wire="Basic.Consume")
    gone = after(*first, at(10, "exited", service="a"), at(11, "started", service="a"), at(12, "exited", service="a"))
    assert gone.pending(13) == ""
