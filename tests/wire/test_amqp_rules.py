"""Rules on AMQP: headers altered on publishes and deliveries, confirms that are lost, and what is refused with a sentence."""

from typing import Any

import pytest
from pika import frame, spec

from harness.errors import UsageError
from harness.wire import amqp
from harness.wire.rules import Rule, RuleBook
from tests.wire import amqp_bytes as b
from tests.wire.amqp_bytes import BODY, KEYED
from tests.wire.taps import CollectingSink, Wire, tap

LINK = "writer->tcs"


def ruled(at: str, *rules: Rule) -> tuple[CollectingSink, Wire, RuleBook]:
    sink, book = CollectingSink(queues=KEYED), RuleBook()
    return sink, Wire(amqp.session(tap(sink, *rules, at=at, book=book))), book  # type: ignore[arg-type]


def altered(**settings: Any) -> Rule:
    return Rule(id="f1", name="altered", link=LINK, **settings)


def lost(**settings: Any) -> Rule:
    return Rule(id="f1", name="answer_lost", link=LINK, **settings)


def frames(data: bytes) -> list[Any]:
    found = []
    while data:
        size, one = frame.decode_frame(data)
        found.append(one)
        data = data[size:]
    return found


def headers(data: bytes) -> list[Any]:
    return [one.properties.headers for one in frames(data) if isinstance(one, frame.Header)]


@pytest.mark.parametrize("by", [None, 1, 13], ids=["whole", "bytes", "pieces"])
def test_a_publish_gets_other_headers_near_and_all_else_is_as_it_was(by: int | None) -> None:
    sink, one, _ = ruled("near", altered(attributes={"JavaType": "B", "new": "1"}, drop=("gone",)))
    properties: Any = {
        "message_id": "m",
        "content_type": "text/plain",
        "content_encoding": "utf-8",
        "delivery_mode": 2,
        "timestamp": 9,
    }
    sent = b.publish(1, "jobs", BODY, split=5, headers={"JavaType": "A", "gone": 1, "kept": {"n": [1, None]}}, **properties)
    wanted = b.publish(1, "jobs", BODY, split=5, headers={"kept": {"n": [1, None]}, "JavaType": "B", "new": "1"}, **properties)
    assert one.ask(sent, by=by) == wanted
    assert sink.story("kind", "fault", "x", "key", "queue", "wire") == [
        ("attempted", "", 1, "p-1", "jobs", "Basic.Publish"), ("bit", "f1", 1, "p-1", "jobs", "Basic.Publish"),
    ]  # fmt: skip
    assert (sink.events[0].headers or {})["JavaType"] == "A"


def test_a_message_without_headers_gets_some() -> None:
    _, one, _ = ruled("near", altered(attributes={"a": "1"}))
    assert one.ask(b.publish(1, "jobs", BODY, content_type="x")) == b.publish(
        1, "jobs", BODY, content_type="x", headers={"a": "1"}
    )


def test_a_delivery_is_altered_far_once_for_the_key_that_is_meant() -> None:
    sink, one, _ = ruled("far", altered(attributes={"a": "1"}, key="p-2", times=1, on="Basic.Deliver"))
    one.ask(b.consume(1, "jobs"))
    one.reply(b.consume_ok(1))
    given = b"".join(b.deliver(1, tag, b'{"id":"p-%d"}' % number) for tag, number in ((1, 1), (2, 2), (3, 2)))
    out = one.reply(given + b.BEAT)
    assert headers(out) == [None, {"a": "1"}, None]
    assert [event.key for event in sink.of("bit")] == ["p-2"]
    assert one.ask(b.publish(1, "jobs", BODY)) == b.publish(1, "jobs", BODY)


def test_interleaved_messages_are_both_altered() -> None:
    _, one, _ = ruled("near", altered(attributes={"a": "1"}))
    parts = [b.publish(channel, "jobs", b"x" * 10, split=5) for channel in (1, 2)]
    cut = [part.index(b"\xce") + 1 for part in parts]
    mixed = parts[0][: cut[0]] + parts[1][: cut[1]] + parts[0][cut[0] :] + parts[1][cut[1] :]
    assert headers(one.ask(mixed)) == [{"a": "1"}, {"a": "1"}]


def test_what_has_begun_to_pass_is_not_altered_any_more() -> None:
    _, one, book = ruled("near")
    sent = b.publish(1, "jobs", BODY, headers={"n": "1"})
    out = one.ask(sent[:40])
    book.arm(altered(attributes={"a": "1"}))
    out += one.ask(sent[40:] + b.publish(1, "jobs", b"more"))
    assert out[: len(sent)] == sent
    assert headers(out) == [{"n": "1"}, {"a": "1"}]


def test_what_waits_goes_on_when_the_rule_is_gone() -> None:
    _, one, book = ruled("near", altered(attributes={"a": "1"}))
    sent = b.publish(1, "jobs", BODY)
    first = one.ask(sent[:-3])
    book.disarm("f1")
    assert first + one.ask(sent[-3:]) + one.ask(sent) == sent + sent


def test_a_large_message_is_not_kept_and_not_altered() -> None:
    sink, one, _ = ruled("near", altered(attributes={"a": "1"}))
    sent = b.publish(1, "jobs", bytes(16 * 1024 * 1024 + 1), split=1024 * 1024)
    assert one.ask(sent, by=1024 * 1024) == sent
    assert one.ask(b.publish(1, "jobs", BODY)) == b.publish(1, "jobs", BODY, headers={"a": "1"})
    assert [event.key for event in sink.of("bit")] == ["p-1"]


def test_a_message_that_a_closed_channel_broke_off_holds_nothing_up() -> None:
    _, one, _ = ruled("far", altered(attributes={"a": "1"}))
    begun = b.deliver(1, 1, BODY)[:-20]
    whole = frames_end(begun)
    sent = begun[:whole] + b.channel_close(1) + b.deliver(2, 1, BODY)
    out = one.reply(sent)
    assert out.startswith(begun[:whole] + b.channel_close(1))


def frames_end(data: bytes) -> int:
    """Return where the last whole frame of `data` ends."""
    end = 0
    while (size := frame.decode_frame(data[end:])[0]) > 0:
        end += size
    return end


def test_noise_while_a_rule_is_armed_passes_whole() -> None:
    sink, one, _ = ruled("near", altered(attributes={"a": "1"}))
    sent = b.publish(1, "jobs", BODY)[:-20]
    assert one.ask(sent) + one.ask(b"\xff" * 40) + one.ask(b"more") == sent + b"\xff" * 40 + b"more"
    assert len(sink.of("gap")) == 1


def test_a_confirm_is_lost_and_the_others_still_arrive_one_by_one() -> None:
    sink, one, book = ruled("far", lost(key="p-1", times=1))
    one.ask(b.select(1) + b"".join(b.publish(1, "jobs", b'{"id":"p-%d"}' % number) for number in range(5)))
    assert one.reply(b.ack(1, 3, multiple=True)) == b.ack(1, 1) + b.ack(1, 3)
    assert book.armed(LINK) == ()
    assert one.reply(b.ack(1, 5, multiple=True) + b.ack(1, 99)) == b.ack(1, 4) + b.ack(1, 5) + b.ack(1, 99)
    assert [event.key for event in sink.of("acknowledged")] == ["p-0", "p-1", "p-2", "p-3", "p-4"]
    assert [(event.fault, event.x, event.key) for event in sink.of("bit")] == [("f1", 2, "p-1")]


@pytest.mark.parametrize("by", [None, 1], ids=["whole", "bytes"])
def test_a_refusal_is_an_answer_that_can_be_lost_too(by: int | None) -> None:
    _, one, _ = ruled("far", lost(on="Basic.Publish"))
    one.ask(b.select(1) + b.publish(1, "jobs", BODY))
    assert one.reply(b.nack(1, 1, requeue=False) + b.BEAT, by=by) == b.BEAT


def test_a_rule_acts_only_in_the_tap_whose_turn_it_is() -> None:
    sink, one, _ = ruled("near", lost(), Rule(id="f2", name="altered", link=LINK, attributes={"a": "1"}, on="Basic.Deliver"))
    one.ask(b.select(1) + b.publish(1, "jobs", BODY))
    given = b.ack(1, 1) + b.deliver(1, 1, BODY)
    assert one.reply(given) == given
    assert sink.of("bit") == []


def test_a_confirm_whose_beginning_has_passed_is_not_lost() -> None:
    _, one, book = ruled("far")
    one.ask(b.select(1) + b.publish(1, "jobs", BODY))
    out = one.reply(b.ack(1, 1)[:5])
    book.arm(lost())
    assert out + one.reply(b.ack(1, 1)[5:9]) + one.reply(b.ack(1, 1)[9:]) == b.ack(1, 1)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (lost(status=504), "has no status 504"),
        (lost(on="Basic.Ack"), "on='Basic.Ack' is nothing it can act on; there are: Basic.Publish, "),
        (lost(on="Queue.Declare", key="1"), "Queue.Declare is about no single message"),
        (altered(on="Queue.Declare", drop=("a",)), "there are: Basic.Publish, Basic.Deliver, Basic.GetOk"),
        (Rule(id="f1", name="status", link=LINK, code=599), "599 is no reply code of AMQP; a channel is closed with 311"),
        (Rule(id="f1", name="status", link=LINK, code="AccessDenied"), "'AccessDenied' is no reply code of AMQP"),
        (Rule(id="f1", name="status", link=LINK, code=404, headers={"a": "b"}), "it has no headers"),
        (Rule(id="f1", name="reordered", link=LINK, on="Basic.Publish"), "there are: Basic.Deliver"),
        (Rule(id="f1", name="shortened", link=LINK, seconds=1), "has no such fault"),
    ],
    ids=["status", "other-answer", "no-key", "other-method", "no-code", "code-of-aws", "headers", "publishes", "visibility"],
)
def test_what_amqp_cannot_do_is_refused(rule: Rule, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        amqp.supports(rule)


def test_what_amqp_can_do_is_not_refused() -> None:
    assert [amqp.supports(rule) for rule in (lost(), lost(on="Queue.DeclareOk"), altered(body="a"))] == [None] * 3  # type: ignore[func-returns-value]


def test_a_return_is_never_altered() -> None:
    _, one, _ = ruled("far", altered(attributes={"a": "1"}))
    back = b.method(1, spec.Basic.Return(reply_code=312, reply_text="x", exchange="", routing_key="q")) + b.content(1, BODY)
    assert one.reply(back) == back


def test_a_rule_is_counted_exactly_and_once_it_is_gone_it_is_not_taken() -> None:
    book = RuleBook()
    twice, other = lost(times=2), Rule(id="f2", name="altered", link=LINK, drop=("a",))
    book.arm(twice)
    book.arm(other)
    assert [book.take(twice) for _ in range(3)] == [True, True, False]
    assert book.armed(LINK) == (other,)
    book.disarm("f2")
    book.disarm("f2")
    assert (book.take(other), book.armed(LINK)) == (False, ())
