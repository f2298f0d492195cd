"""Whatever the bytes, no decoder raises, none changes what passes, none keeps it; and the fuzzer sees it where one does."""

import asyncio
from collections.abc import Iterator

import pytest

from harness.wire.streams import Ending, Side, Step
from tests.fuzz.decoders import DECODERS, LONGEST_KEPT, MODES, SEATS, Fed, by_channel, fuzzed
from tests.wire import amqp_bytes as b

SEED = 20261125
MUTATIONS = 50_000


@pytest.mark.parametrize("name", DECODERS)
def test_mutated_streams_break_nothing(name: str) -> None:
    assert fuzzed(name, SEED, MUTATIONS // len(DECODERS)) == []


def test_the_same_seed_makes_the_same_mutations(monkeypatch: pytest.MonkeyPatch) -> None:
    fed: list[bytes] = []

    def feed(_: Fed, __: Side, data: bytes) -> str:
        fed.append(data)
        return ""

    monkeypatch.setattr(Fed, "feed", feed)
    assert [fuzzed("http", SEED, 200), fuzzed("http", SEED, 200)] == [[], []]
    is_same = fed[:200] == fed[200:]
    assert is_same
    assert len(set(fed)) > 100


class Broken:
    """A decoder that does what none may: `says` is what it passes on instead of what it is given, None: it raises."""

    def __init__(self, says: bytes | None) -> None:
        self._says = says

    def from_service(self, data: bytes) -> Iterator[Step]:
        del data
        if self._says is None:
            message = "an error that nobody expected"
            raise KeyError(message)
        yield self._says

    from_target = from_service

    def ended(self, by: Side, how: Ending) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("says", "how"),
    [(None, "KeyError at test_decoders.py"), (b"other", "other bytes went on than came"), (b"", "")],
    ids=["raises", "changes", "keeps"],
)
def test_a_decoder_that_is_broken_is_found(says: bytes | None, how: str) -> None:
    fed = Fed("http", "ruled", "near", 0)
    fed.session = Broken(says)
    assert fed.feed("<", b"x" * (LONGEST_KEPT + 10)).partition(":")[0] == how
    assert fed.ended().partition(":")[0] == ("" if says is None else "bytes were kept for good")


def test_a_failure_names_what_was_fed_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fed, "feed", lambda _, __, data: "broken")
    monkeypatch.setattr(Fed, "ended", lambda _: "kept")
    assert [(one.number, one.how) for one in fuzzed("amqp", SEED, 2)] == [(1, "broken"), (1, "kept"), (2, "broken"), (2, "kept")]


def test_a_defect_that_a_decoder_makes_a_gap_of_is_found() -> None:
    fed = Fed("amqp", "later", "near", 0)
    fed.sink.queue_key = dict[tuple[str, str], None]().__getitem__  # type: ignore[method-assign, assignment]
    assert fed.feed(">", b.HELLO + b.publish(1, "jobs", b.BODY)).startswith("gap: from the service: TypeError in the decoder")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seat", SEATS)
def test_under_a_rule_one_channel_may_overtake_another(mode: str, seat: str) -> None:
    async def play() -> str:
        fed = Fed("amqp", mode, seat, 1)  # type: ignore[arg-type]
        begun = b.frames(b.publish(1, "jobs", b.BODY))[0]
        return fed.feed(">", b.HELLO + begun + b.publish(2, "jobs", b.BODY) + b.BEAT)

    assert asyncio.run(play()) == ""


def test_frames_are_told_apart_by_channel() -> None:
    one, other = b.publish(1, "jobs", b.BODY), b.publish(2, "jobs", b.BODY)
    mixed = b"".join(b"".join(pair) for pair in zip(b.frames(one), b.frames(other), strict=True))
    assert by_channel(b.HELLO + mixed + one[:-1]) == {1: one + b"".join(b.frames(one)[:2]), 2: other}
