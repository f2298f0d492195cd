"""Requests that come in parts and go on in one piece, and those of which that cannot be told: they go on as they came."""

import socket
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.clock import pause
from harness.wire import pipe
from harness.wire.gathered import LONGEST, LONGEST_HEAD, Gathered
from tests.wire.links import Passing, Road, received, rst
from tests.wire.recorded import STREAMS, stream

HEAD, BODY = b"POST / HTTP/1.1\r\nHost: x\r\ncontent-Length: 4\r\n\r\n", b"body"
GET = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
LONG = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % LONGEST
LARGEST = 200
CASES: dict[str, tuple[Sequence[bytes], Sequence[bytes]]] = {
    "a whole request": ([HEAD + BODY, GET], [HEAD + BODY, GET]),
    "head and body": ([HEAD, BODY], [b"", HEAD + BODY]),
    "many parts": ([HEAD[:3], HEAD[3:20], HEAD[20:], b"bo", b"dy"], [b""] * 4 + [HEAD + BODY]),
    "one after the other": ([HEAD, BODY, HEAD, BODY], [b"", HEAD + BODY] * 2),
    "a head in two parts, and no body": ([GET[:9], GET[9:]], [b"", GET]),
    "two at once, and then a head": ([HEAD + BODY + GET, HEAD, BODY], [HEAD + BODY + GET, HEAD, BODY]),
    "the next with the rest of one": ([HEAD, BODY + HEAD, BODY], [b"", HEAD + BODY + HEAD, BODY]),
    "a long one": ([LONG, b"x" * LONGEST, HEAD, BODY], [LONG, b"x" * LONGEST, b"", HEAD + BODY]),
    "a long one, and the next with it": ([LONG, b"x" * LONGEST + HEAD, BODY], [LONG, b"x" * LONGEST + HEAD, BODY]),
    "another method": ([b"PUT / ", HEAD, BODY], [b"PUT / ", HEAD, BODY]),
    "no request": ([b"PO", b"int", HEAD], [b"", b"POint", HEAD]),
    "a head without an end": ([b"GET /" + b"x" * LONGEST_HEAD, BODY], [b"GET /" + b"x" * LONGEST_HEAD, BODY]),
}  # fmt: skip
NOT_TOLD = {
    "who waits for 100": HEAD.replace(b"Host", b"Expect"),
    "chunks": HEAD.replace(b"content-Length: 4", b"Transfer-Encoding: chunked"),
    "two lengths": HEAD.replace(b"Host: x", b"Content-Length: 4"),
    "no number": HEAD.replace(b"4", b"-4"),
    "a number nobody sends": HEAD.replace(b"4", b"4" * 10),
    "lines without a return": HEAD.replace(b"\r\n", b"\n").replace(b"4", b"9" * 10),
}
"""Heads behind which it is not told where their bodies end, or that are not to wait for them."""


@pytest.mark.parametrize("case", CASES)
def test_what_goes_on_when(case: str) -> None:
    parts, expected = CASES[case]
    one = Gathered()
    assert [one.take(part) for part in parts] == list(expected)
    assert not one.waits


@pytest.mark.parametrize("case", NOT_TOLD)
def test_where_the_end_is_not_told_everything_goes_on_as_it_comes(case: str) -> None:
    one = Gathered()
    assert [one.take(part) for part in (NOT_TOLD[case], BODY, HEAD)] == [NOT_TOLD[case], BODY, HEAD]


@pytest.mark.parametrize(
    ("come", "then"),
    [([HEAD], [BODY, HEAD, BODY]), ([HEAD, b"b"], [b"ody", HEAD, BODY]), ([HEAD[:9]], [HEAD[9:], BODY, HEAD])],
    ids=["a head", "a part of the body", "a part of the head"],
)
def test_what_is_given_up_goes_on_as_it_comes(come: Sequence[bytes], then: Sequence[bytes]) -> None:
    one = Gathered()
    assert [one.take(part) for part in come] == [b""] * len(come)
    assert one.waits
    assert one.give_up() == b"".join(come)
    assert one.take(then[0]) == then[0]


def test_after_the_rest_of_what_was_given_up_the_next_is_gathered_again() -> None:
    one = Gathered()
    one.take(HEAD)
    one.give_up()
    assert [one.take(part) for part in (BODY, HEAD, BODY)] == [BODY, b"", HEAD + BODY]


@pytest.mark.parametrize("name", STREAMS)
@settings(max_examples=LARGEST, derandomize=True)
@given(places=st.sets(st.floats(0, 1, exclude_min=True), max_size=60), given_up=st.sets(st.integers(0, 60), max_size=9))
def test_no_byte_is_lost_or_moved(name: str, places: set[float], given_up: set[int]) -> None:
    data, one = stream(name).by(">"), Gathered()
    cuts = sorted({0, len(data), *(int(place * len(data)) for place in places)})
    out = b""
    for number, (begin, end) in enumerate(pairwise(cuts)):
        out += one.take(data[begin:end])
        out += one.give_up() if number in given_up else b""
    assert out + one.give_up() == data


class Calling(Passing):
    """A session that has requests gathered, and records what goes on."""

    def gathers(self) -> bool:
        return True


def attempts(road: Road, at: str) -> list[str]:
    return [event.body for event in road.sink.of("attempted", at=at)]


def shown(parts: Iterable[bytes]) -> list[str]:
    return [part[:16].decode() for part in parts]


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    return lambda seconds: monkeypatch.setattr(pipe, "PATIENCE", seconds)


def test_head_and_body_go_on_together_over_the_whole_link(
    make_road: Callable[..., Road], patience: Callable[[float], None]
) -> None:
    patience(60)
    road = make_road(session=Calling)
    service = road.call()
    service.sendall(HEAD[:10])
    target = road.answer()
    for parts in ((HEAD[10:], BODY), (HEAD, BODY)):
        for part in parts:
            service.sendall(part)
        assert received(target, len(HEAD + BODY)) == HEAD + BODY
    assert [attempts(road, at) for at in ("near", "far")] == [shown([HEAD, HEAD])] * 2


def test_without_a_session_that_asks_for_it_a_head_goes_on_alone(
    make_road: Callable[..., Road], patience: Callable[[float], None]
) -> None:
    patience(60)
    road = make_road()
    service = road.call()
    service.sendall(HEAD)
    target = road.answer()
    assert received(target, len(HEAD)) == HEAD


def test_a_head_whose_body_does_not_come_goes_on_alone(make_road: Callable[..., Road], patience: Callable[[float], None]) -> None:
    patience(0.02)
    road = make_road(session=Calling)
    service = road.call()
    service.sendall(HEAD)
    target = road.answer()
    assert received(target, len(HEAD)) == HEAD
    service.sendall(BODY)
    assert received(target, len(BODY)) == BODY
    service.sendall(HEAD + BODY + HEAD)  # it waits no more: two have come at once
    assert received(target, len(HEAD) * 2 + len(BODY)) == HEAD + BODY + HEAD
    assert attempts(road, "near") == shown([HEAD, BODY, HEAD])


def test_who_begins_while_another_was_waited_for_is_waited_for_as_long(
    make_road: Callable[..., Road], patience: Callable[[float], None]
) -> None:
    patience(0.5)
    road = make_road(session=Calling)
    service = road.call()
    target = road.answer()
    service.sendall(HEAD)
    pause(0.05)  # or it is read together with its body
    service.sendall(BODY)
    assert received(target, len(HEAD + BODY)) == HEAD + BODY
    service.sendall(HEAD)
    assert received(target, len(HEAD)) == HEAD


def test_half_a_request_and_an_end_go_on_as_they_are(make_road: Callable[..., Road], patience: Callable[[float], None]) -> None:
    patience(60)
    road = make_road(session=Calling, direct=True)
    service = road.call()
    service.sendall(HEAD)
    service.shutdown(socket.SHUT_WR)
    target = road.answer()
    assert received(target, 999) == HEAD
    target.sendall(b"answer")
    assert received(service, 6) == b"answer"


def test_a_reset_in_the_middle_of_a_request_is_one(make_road: Callable[..., Road], patience: Callable[[float], None]) -> None:
    patience(60)
    road = make_road(session=Calling)
    service = road.call()
    service.sendall(HEAD)
    target = road.answer()
    rst(service)
    with pytest.raises(ConnectionResetError):
        received(target, 999)


def test_one_request_after_the_other_is_gathered(make_road: Callable[..., Road], patience: Callable[[float], None]) -> None:
    patience(0.02)
    road = make_road(session=Calling)
    service = road.call()
    target = road.answer()
    for _ in range(3):
        service.sendall(HEAD)
        pause(0.005)
        service.sendall(BODY)
        assert received(target, len(HEAD + BODY)) == HEAD + BODY
        pause(0.05)  # the timer has come, to nobody
    service.close()
    assert received(target, 1) == b""
