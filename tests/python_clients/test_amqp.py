"""Python's AMQP clients through a link: what they publish, get, consume, settle and do wrong."""

import pytest

from tests.clients import client, closes, jobs_on_rabbitmq, no_difference, rounds_were_seen, tried
from tests.sandboxes import Tell


@pytest.mark.parametrize(
    ("overlays", "known"), [((), "ABCD"), (("in transactions",), "ABCDE")], ids=["without-transactions", "in-transactions"]
)
@pytest.mark.parametrize(
    ("name", "errors"), [("amqp-pika", [404, 404, 406]), ("amqp-aio-pika", [404, 404])], ids=["pika", "aio-pika"]
)
def test_a_client_notices_nothing_and_all_it_does_is_seen(
    tell: Tell, name: str, errors: list[int], overlays: tuple[str, ...], known: str
):
    """E is published without a confirm; only a commit says that it is there."""
    one = tried(tell, client(name, *overlays), jobs_on_rabbitmq)

    no_difference(one)
    rounds_were_seen(one, kept="E")
    assert closes(one) == errors
    assert [event.key for event in one.of("returned")] == ["D"]
    assert [event.key for event in one.of("acknowledged")] == list(known)


@pytest.mark.parametrize("version", ["5.3.3", "5.7.0"])
def test_kombu_notices_nothing_on_amqp(tell: Tell, version: str):
    one = tried(tell, client("kombu", version), jobs_on_rabbitmq)

    no_difference(one)
    rounds_were_seen(one, kept="D")
    assert closes(one) == [404]
    assert [event.key for event in one.of("acknowledged")] == ["A", "B", "C", "D"]
