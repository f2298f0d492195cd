"""Secrets: hidden where a name says that they are some, everything else as it was."""

import pytest

from harness.history.events import Event
from harness.recorder.secrets import HIDDEN, hide


def hidden(event: Event) -> Event:
    hide(event)
    return event


@pytest.mark.parametrize(
    "name", ["Authorization", "x-password", "client_secret", "X-Amz-Signature", "Set-Cookie", "api-key", "accessToken"]
)
def test_a_header_or_attribute_with_a_telling_name_is_hidden(name: str) -> None:
    headers = {name: "s3cret", "n": 1}
    event = hidden(Event(kind="attempted", headers=headers, attributes={name: ("String", "s3cret"), "n": ("Number", "1")}))
    assert event.headers == {name: HIDDEN, "n": 1}
    assert event.attributes == {name: ("String", HIDDEN), "n": ("Number", "1")}
    assert headers[name] == "s3cret"


def test_a_query_parameter_with_a_telling_name_is_hidden() -> None:
    event = hidden(Event(kind="requested", data={"path": "/a?id=1&X-Amz-Signature=ab%2Fc&n=2", "other": 1}))
    assert event.data == {"path": f"/a?id=1&X-Amz-Signature={HIDDEN}&n=2", "other": 1}


def test_all_else_is_left_alone() -> None:
    event = Event(kind="attempted", headers={"JavaType": "A"}, attributes={"token_count": ("Number", "1")}, data={"path": "/a"})
    assert hidden(event) == Event(
        kind="attempted", headers={"JavaType": "A"}, attributes={"token_count": ("Number", "1")}, data={"path": "/a"}
    )
