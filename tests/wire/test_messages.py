import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire.messages import LARGEST_KEPT, LONGEST_HEAD, LONGEST_REMEMBERED, Message, Piece, Splitter
from tests.wire.taps import cut

REQUESTS = (
    b"\r\nPOST /placements/7/start HTTP/1.1\r\nHost: 127.0.0.1:1\r\nContent-Length: 3\r\n\r\nabc"
    b"GET /x?y=1 HTTP/1.1\r\nX-A: 1\r\nX-a: 2\r\n\r\n"
    b"PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;name=v\r\nhello\r\n6 \r\n world\r\n0\r\nTrailer: 1\r\n\r\n"
    b"POST /empty HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)
ANSWERS = (
    b"HTTP/1.1 100 Continue\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    b"HTTP/1.1 204 No Content\r\n\r\n"
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
)


def pieces(splitter: Splitter, data: bytes, by: int | None = None) -> list[Piece]:
    return [piece for chunk in cut(data, by) for piece in splitter.feed(chunk)]


def whole(found: list[Piece]) -> list[Message]:
    return list({id(piece.message): piece.message for piece in found if piece.message.complete}.values())


@pytest.mark.parametrize("by", [None, 1, 2, 3, 7, 50])
def test_requests_are_told_apart_however_they_are_cut(by: int | None):
    found = pieces(Splitter(), REQUESTS, by)

    assert b"".join(piece.raw for piece in found) == REQUESTS
    assert [(one.method, one.target, bytes(one.body), one.size, one.keep_alive) for one in whole(found)] == [
        ("POST", "/placements/7/start", b"abc", 3, True),
        ("GET", "/x?y=1", b"", 0, True),
        ("PUT", "/c", b"hello world", 11, True),
        ("POST", "/empty", b"", 0, False),
    ]
    assert whole(found)[1].fields == {"x-a": "1, 2"}


def test_answers_are_told_apart_wherever_they_are_cut():
    for place in range(1, len(ANSWERS)):
        splitter = Splitter(lambda: "POST")
        found = pieces(splitter, ANSWERS[:place]) + pieces(splitter, ANSWERS[place:])

        assert b"".join(piece.raw for piece in found) == ANSWERS
        assert [(one.status, bytes(one.body), one.interim) for one in whole(found)] == [
            (100, b"", True),
            (200, b"{}", False),
            (204, b"", False),
            (304, b"", False),
            (200, b"{}", False),
        ]
        assert splitter.begun() is None


def test_a_chunk_that_is_one_message_passes_as_the_same_object():
    data = b"GET / HTTP/1.1\r\n\r\n"

    (piece,) = Splitter().feed(data)

    assert piece.raw is data


def test_the_answer_to_head_has_a_length_and_no_body():
    found = pieces(
        Splitter(lambda: "HEAD"), b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
    )

    assert [one.status for one in whole(found)] == [200, 200]


def test_an_answer_without_a_length_ends_with_the_connection():
    splitter = Splitter(lambda: "GET")
    found = pieces(splitter, b"HTTP/1.0 200 OK\r\n\r\nhalf a word", 4)
    before = whole(found)
    message = splitter.end()

    assert before == []
    assert message is not None
    assert (bytes(message.body), message.complete) == (b"half a word", True)
    assert splitter.end() is None


def test_an_answer_with_a_length_is_not_whole_by_the_end_of_the_connection():
    splitter = Splitter(lambda: "GET")
    pieces(splitter, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab")
    begun = splitter.begun()

    assert splitter.end() is None
    assert begun is not None
    assert begun.status == 200


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", "not HTTP/1.1"),
        (b"GET / HTTP/1.1\nHost: a\n\n", "not HTTP/1.1"),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfive\r\n", "not the size of a chunk"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * LONGEST_HEAD, "a head of more than"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * LONGEST_HEAD + b"1", "a chunk's head of more than"),
    ],
)
def test_what_is_not_http_passes_whole_and_says_why(data: bytes, reason: str):
    found = pieces(Splitter(), b"GET / HTTP/1.1\r\n\r\n" + data)

    assert b"".join(piece.raw for piece in found) == b"GET / HTTP/1.1\r\n\r\n" + data
    assert reason in found[-1].trouble
    assert [piece.trouble for piece in found[:-1]] == [""]


def test_an_offer_to_upgrade_is_an_ordinary_request():
    (request,) = whole(
        pieces(Splitter(), b"GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n")
    )

    assert (request.method, request.upgrade) == ("GET", True)


def test_a_huge_body_passes_but_is_not_kept():
    body = b"x" * (LARGEST_KEPT + 100_000)
    found = pieces(Splitter(), b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body, 65_536)
    (request,) = whole(found)

    assert request.size == len(body)
    assert LARGEST_KEPT <= len(request.body) < request.size
    assert sum(len(piece.raw) for piece in found) > len(body)


def test_another_body_changes_only_the_framing_of_the_head():
    (request,) = whole(
        pieces(
            Splitter(), b"POST /a HTTP/1.1\r\nHost: h:1\r\ntransfer-encoding: chunked\r\nX-Odd:  kept \r\n\r\n1\r\na\r\n0\r\n\r\n"
        )
    )

    assert request.with_body(b"{}") == b"POST /a HTTP/1.1\r\nHost: h:1\r\nX-Odd:  kept \r\nContent-Length: 2\r\n\r\n{}"


@given(data=st.binary(max_size=300), by=st.integers(1, 40), at=st.integers(0, len(REQUESTS)), answers=st.booleans())
def test_whatever_comes_every_byte_goes_on_once(data: bytes, by: int, at: int, answers: bool):  # noqa: FBT001 (drawn)
    known = ANSWERS if answers else REQUESTS
    mutated = known[:at] + data + known[at + len(data) // 2 :]
    splitter = Splitter((lambda: "GET") if answers else None)
    out = b""
    trouble = False
    for chunk in cut(mutated, by):
        for piece in splitter.feed(chunk) if not trouble else [Piece(Message(), chunk)]:
            out += piece.raw
            trouble = trouble or bool(piece.trouble)

    assert out == mutated


def test_equal_heads_mean_the_same_to_a_request_and_not_to_an_answer():
    data = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"
    first, again = (next(Splitter().feed(data)).message for _ in range(2))
    assert (first.method, first.target, first.fields, first.keep_alive) == (again.method, "/a", again.fields, True)
    assert (bytes(first.body), bytes(again.body)) == (b"ok", b"ok")
    assert first.body is not again.body
    assert "not HTTP/1.1" in next(Splitter(lambda: "POST").feed(data)).trouble


def test_a_head_that_is_longer_than_what_is_remembered_is_read():
    padding = "x" * LONGEST_REMEMBERED
    data = f"GET / HTTP/1.1\r\nPadding: {padding}\r\n\r\n".encode()
    assert next(Splitter().feed(data)).message.fields == {"padding": padding}
