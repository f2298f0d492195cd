"""Calls on a link to an HTTP resource that a rule lets wait, and clients that wait for leave to go on; byte by byte."""

import asyncio
from collections.abc import Iterator

import pytest

from harness.wire import http
from harness.wire.rules import Rule, RuleBook, delay
from harness.wire.streams import Back, Hold
from tests.wire.http_said import ANSWER, CONTINUE, EXPECTING, GET, OTHER, POST, UNAVAILABLE, near, rule, told
from tests.wire.taps import CollectingSink, cut, tap


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink(resources={"tcs": "/placement"})


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    one = asyncio.new_event_loop()
    yield one
    one.close()


class TestHeld:
    def test_the_request_waits_until_the_fault_ends(self, sink: CollectingSink, loop: asyncio.AbstractEventLoop):
        book = RuleBook()
        session = http.session(tap(sink, rule("held", times=1), book=book))

        async def told_to_wait() -> tuple[bool, bool, list[object]]:
            steps = session.from_service(POST)
            hold = next(steps)
            assert isinstance(hold, Hold)
            before = hold.done.done()
            book.disarm("f1")
            return before, hold.done.done(), list(steps)

        assert loop.run_until_complete(told_to_wait()) == (False, True, [POST])
        assert told(sink) == [("requested", 1, "7", "", None), ("bit", 1, "7", "f1", None)]

    def test_another_rule_acts_when_it_goes_on(self, sink: CollectingSink, loop: asyncio.AbstractEventLoop):
        book = RuleBook()
        later = Rule(id="f2", name="held", link="writer->tcs", order=2)
        session = http.session(tap(sink, rule("status", code=503), later, book=book))

        async def told_to_wait() -> list[object]:
            steps = session.from_service(POST)
            next(steps)
            book.disarm("f2")
            return list(steps)

        assert loop.run_until_complete(told_to_wait()) == [Back(UNAVAILABLE)]
        assert [event.fault for event in sink.of("bit")] == ["f2", "f1"]


class TestLatency:
    @pytest.mark.parametrize("by", [None, 1])
    def test_the_answer_waits_and_its_request_does_not(
        self, sink: CollectingSink, loop: asyncio.AbstractEventLoop, by: int | None
    ):
        wire = near(sink, rule("latency", seconds=0.01, key="7"))
        session = wire.session
        wire.ask(POST)

        async def waited() -> list[object]:
            hold, *steps = (step for chunk in cut(ANSWER, by) for step in session.from_target(chunk))
            assert isinstance(hold, Hold)
            await hold.done
            return list[object](steps)

        assert b"".join(map(bytes, loop.run_until_complete(waited()))) == ANSWER  # type: ignore[arg-type]
        assert wire.to_target == POST
        assert [event.kind for event in sink.events] == ["requested", "bit", "answered"]

    def test_jitter_differs_by_place_and_not_by_run(self):
        one = rule("latency", seconds=1.0, jitter=0.5)
        drawn = [delay(one, conn, x) for conn in range(20) for x in range(20)]

        assert drawn == [delay(one, conn, x) for conn in range(20) for x in range(20)]
        assert (min(drawn) >= 0.5, max(drawn) <= 1.5) == (True, True)
        assert (min(drawn) < 0.6, max(drawn) > 1.4) == (True, True)
        assert delay(rule("latency", seconds=0.1, jitter=0.0), 1) == 0.1


class TestExpect:
    @pytest.mark.parametrize("answered", [ANSWER, CONTINUE + ANSWER], ids=["not asked back", "asked back"])
    @pytest.mark.parametrize("by", [None, 1])
    def test_who_waits_for_100_is_told_by_the_tap(self, sink: CollectingSink, answered: bytes, by: int | None):
        wire = near(sink, rule("duplicate", key="8"))
        head, brace, body = EXPECTING.partition(b"{")

        assert wire.ask(head, by=by) == b""
        assert wire.to_service == CONTINUE
        assert wire.ask(brace + body) == EXPECTING
        wire.reply(answered, by=by)
        assert wire.to_service == CONTINUE + ANSWER

    def test_behind_an_open_request_it_goes_on_as_it_comes(self, sink: CollectingSink):
        wire = near(sink, rule("duplicate", key="8"))
        head, brace, body = EXPECTING.partition(b"{")

        assert wire.ask(GET + head) == GET + head
        assert wire.ask(brace + body) == brace + body
        assert wire.reply(ANSWER + CONTINUE + ANSWER) == ANSWER + CONTINUE + ANSWER

    def test_of_a_duplicate_every_100_is_swallowed(self, sink: CollectingSink):
        wire = near(sink, rule("duplicate"))
        wire.ask(EXPECTING[:-1])

        assert wire.ask(EXPECTING[-1:]) == EXPECTING * 2
        assert wire.reply(CONTINUE + ANSWER + CONTINUE + OTHER) == ANSWER
