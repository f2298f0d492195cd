"""A key read fast is the key the model reads, whatever the body."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.model import Key
from harness.wire.keys import found

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(["id", "a", "", "é"]), one, max_size=3),
    max_leaves=6,
)
ODD = [
    b"", b"no JSON", b'{"id":"a\tb"}', b'{"id":1,"id":2}', b'{"id":-0}', b'{"id":1.0}', b'{"id":1e400}', b'{"id":"\\ud800"}',
    b'{"id":"1","b":NaN}', b'{"id":"1","b":"\xed\xa0\x80"}', b'{"id":"1","b":"\xff"}', b'\xef\xbb\xbf{"id":1}',
    b'{"id":18446744073709551616}', b'{"id":"a"} x', b"[" * 100_000, '{"id":"1"}'.encode("utf-16"),
]  # fmt: skip
POINTERS = ["/id", "/", "/a", "/a/id", "/a~1b", "/0", "/é"]


@pytest.mark.parametrize("body", ODD, ids=range(len(ODD)))
def test_odd_bodies_have_the_key_the_model_finds(body: bytes) -> None:
    assert found(Key("/id"), body) == Key("/id").find(body)


@given(JSON.map(json.dumps) | JSON.map(lambda one: json.dumps(one, ensure_ascii=False)), st.sampled_from(POINTERS))
def test_every_json_has_the_key_the_model_finds(text: str, pointer: str) -> None:
    body = text.encode("utf-8", "surrogatepass")
    assert found(Key(pointer), body) == Key(pointer).find(body)


def test_a_key_in_a_header_is_found_there() -> None:
    assert found(Key("X-Key ~ (.+)"), b'{"id":1}', fields={"x-key": "7"}) == "7"
