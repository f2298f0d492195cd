"""Each label of `context_kept`: what a dead letter lost, and what it does not say."""

from pathlib import Path

import msgspec
import pytest

from harness.checks import context_kept
from harness.history import History
from harness.history.events import Event
from harness.history.journal import Journal
from tests.histories import dead, done, history, journal, over, place, rabbit, sent

WORLD = (rabbit(effects=(("place",),), dead_letter="dlq"), dead(), place())
BOTH = ("q", "dlq")
REJECTED = "1 delivered q a 1:1\n1.5 settled q a 1:1 reject"
REASON: dict[str, object] = {"x-exception-message": "no such placement"}
DEATH: dict[str, object] = {"x-death": [{"reason": "rejected"}], "x-first-death-queue": "q"}
BODY = '{"id": "a"}'


def run(folder: Path, sent_as: Event, letter: Event, *lines: str, end: str = "") -> History:
    """Return a run in which a message was sent as the one event says, and found as the other does."""
    path = journal(folder, sent("a"), REJECTED, *lines, end or over("dlq a", queues=BOTH), world=WORLD)
    events = list(Journal(path).events())
    for event in events:
        like = sent_as if event.kind == "attempted" else letter if event.kind == "residue" else event
        event.body, event.size, event.digest = like.body, len(like.body), like.digest
        event.headers, event.attributes = like.headers, like.attributes
    path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in [Journal(path).header, *events]))
    return History(path)


def message(body=BODY, digest="", **headers):
    return Event(kind="residue", body=body, digest=digest, headers={name.replace("_", "-"): one for name, one in headers.items()})


def letter(body=BODY, digest="", **headers):
    return message(body, digest, **{**headers, **REASON})


BROKEN = {
    "another body": ("body_changed", message(), letter(body="{}")),
    "another body of the same length": ("body_changed", message(), letter(body='{"id": "b"}')),
    "another digest": ("body_changed", message(digest="1"), letter(digest="2")),
    "without a header": ("attribute_lost", message(tenant="t1", type="x"), letter(type="x")),
    "with another value": ("attribute_lost", message(tenant="t1"), letter(tenant="t2")),
    "without a reason": ("reason_missing", message(), message()),
    "with the broker's own word only": ("reason_missing", message(), Event(kind="residue", body=BODY, headers=DEATH)),
    "with what it was sent with only": ("reason_missing", message(tenant="t1"), message(tenant="t1")),
}


@pytest.mark.parametrize(("label", "sent_as", "found"), BROKEN.values(), ids=BROKEN)
def test_broken(tmp_path, label, sent_as, found):
    verdict = context_kept(run(tmp_path, sent_as, found))

    assert (verdict.conclusion, verdict.labels, verdict.definite) == ("broken", (label,), 1)
    assert verdict.premises_of(label) == 1


ATTRIBUTES = {"tenant": ("String", "t1")}
KEPT = {
    "as it was sent, with a reason": (message(tenant="t1"), letter(tenant="t1")),
    "with the broker's word as well": (message(), Event(kind="residue", body=BODY, headers={**DEATH, **REASON})),
    "attributes of SQS": (
        Event(kind="residue", body=BODY, attributes=ATTRIBUTES),
        Event(kind="residue", body=BODY, attributes={**ATTRIBUTES, "reason": ("String", "refused")}),
    ),
    "sent as an attribute, found as a header": (Event(kind="residue", body=BODY, attributes=ATTRIBUTES), letter(tenant="t1")),
    "of which nobody knows the body": (Event(kind="residue"), letter()),
}


@pytest.mark.parametrize(("sent_as", "found"), KEPT.values(), ids=KEPT)
def test_kept(tmp_path, sent_as, found):
    assert context_kept(run(tmp_path, sent_as, found)).conclusion == "kept"


def test_what_was_never_seen_sent_could_not_have_changed(tmp_path):
    verdict = context_kept(run(tmp_path, Event(kind="residue"), letter()))

    assert (verdict.premises_of("body_changed"), verdict.premises_of("attribute_lost")) == (0, 0)


def test_a_redrive_and_a_copy_of_a_fault_are_not_how_it_was_sent(tmp_path):
    again = "5 harness attempted q a data.redriven=1\n6 far attempted q a fault=f9 x=7"
    verdict = context_kept(run(tmp_path, message(), letter(), again))

    assert verdict.conclusion == "kept"


def test_a_look_of_an_earlier_phase_says_nothing_of_a_later_one(tmp_path):
    look = "20 drained quiet\n20 residue dlq a drain=1\n20 scanned dlq drain=1 messages=1"

    assert context_kept(run(tmp_path, message(), message(), look)).premises == 1
    assert context_kept(run(tmp_path, message(), message(), end=look)).premises == 1


def test_what_a_gap_of_a_tap_may_have_touched_is_never_sure(tmp_path):
    verdict = context_kept(run(tmp_path, message(), message(), "2 gap svc->rabbitmq 1"))

    assert (verdict.conclusion, verdict.definite, verdict.possible) == ("unknown", 0, 1)


NONE = {
    "nothing was put aside": [sent("a"), done("a"), over(queues=BOTH)],
    "nothing that anybody sent": [sent("a"), done("a"), over("dlq stranger", queues=BOTH)],
    "left in its queue": [
        sent("a", "b"),
        REJECTED,
        over("dlq a", "q b", queues=BOTH, how="no").replace("residue dlq", "scanned dlq"),
    ],
}


@pytest.mark.parametrize("lines", NONE.values(), ids=NONE)
def test_where_nothing_lies_aside_nothing_could_be_lost(tmp_path, lines):
    assert context_kept(history(tmp_path, *lines, world=WORLD)).premises == 0


def test_what_is_left_in_its_own_queue_is_not_aside(tmp_path):
    verdict = context_kept(history(tmp_path, sent("a"), REJECTED, over("dlq a", "q a", queues=BOTH), world=WORLD))

    assert verdict.premises == 1


def test_the_sentence_names_what_is_gone(tmp_path):
    sentence = context_kept(run(tmp_path, message(tenant="t1"), letter())).sentence

    assert "a: in dlq without what it was sent with: tenant" in sentence
