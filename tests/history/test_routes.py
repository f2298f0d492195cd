"""Where messages go from an exchange, as RabbitMQ documents it, and what of it is judged."""

import pytest

from harness.checks import accounted, effected_once
from harness.history.journal import Seen
from harness.history.routes import Goal, Routes
from tests.histories import history, over, place, rabbit

KINDS = ("direct", "fanout", "topic", "headers")


def routes(*ways, kind="direct"):
    made = Routes()
    made.declare("x", kind)
    for queue, key, *arguments in ways:
        made.bound(bound(queue, key, dict(*arguments)))
    return made


def bound(queue, key="", arguments=None, *, exchange="x", kind="bound", to=""):
    data = {"exchange": exchange, "routing_key": key, "arguments": arguments, "to": to}
    return Seen(kind=kind, at="far", queue=queue, data=data)


TOPICS = {
    "lazy.orange.fox": ("q1", "q2", "q3"),
    "quick.orange.rabbit": ("q1", "q3"),
    "lazy": ("q2", "q3"),
    "lazy.brown.fox.male": ("q2", "q3"),
    "orange": ("q3",),
    "": ("q3",),
    "quick.orange.male.rabbit": ("q3", "q4"),
}


@pytest.mark.parametrize(("key", "queues"), TOPICS.items(), ids=repr)
def test_a_topic_is_words_with_stars_and_hashes(key, queues):
    ways = routes(("q1", "*.orange.*"), ("q2", "lazy.#"), ("q3", "#"), ("q4", "quick.#.male.rabbit"), kind="topic")

    assert ways.goal("x", key, {}) == Goal(queues, sure=True)


HEADERS = {
    "all of them": ({"x-match": "all", "a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}, True),
    "all is the default": ({"a": 1, "b": 2}, {"a": 1}, False),
    "any of them": ({"x-match": "any", "a": 1, "b": 2}, {"b": 2}, True),
    "none of any": ({"x-match": "any", "a": 1}, {"a": 2}, False),
    "that it is there": ({"x-match": "all", "a": None}, {"a": 7}, True),
    "nothing of all": ({"x-match": "all"}, {}, True),
    "nothing of any": ({"x-match": "any"}, {"a": 1}, False),
    "names with x- do not count": ({"x-match": "all", "x-a": 1}, {}, True),
    "unless it says so": ({"x-match": "all-with-x", "x-a": 1}, {}, False),
    "any with x": ({"x-match": "any-with-x", "x-a": 1}, {"x-a": 1}, True),
}


@pytest.mark.parametrize(("arguments", "headers", "fits"), HEADERS.values(), ids=HEADERS)
def test_headers_are_compared_as_x_match_says(arguments, headers, fits):
    ways = routes(("q", "", arguments), kind="headers")

    assert ways.goal("x", "", headers) == Goal(("q",) if fits else (), sure=True)


def test_a_direct_exchange_wants_the_same_key_and_a_fanout_none():
    assert routes(("q", "red"), ("r", "blue")).goal("x", "red", {}) == Goal(("q",), sure=True)
    assert routes(("q", "red"), ("r", "blue"), kind="fanout").goal("x", "green", {}) == Goal(("q", "r"), sure=True)


def test_bindings_between_exchanges_are_followed_and_round_only_once():
    made = routes(("q", "k"))
    made.declare("y", "fanout")
    made.bound(bound("", "k", to="y"))
    made.bound(bound("r", exchange="y"))
    made.bound(bound("", exchange="y", to="x"))

    assert made.goal("x", "k", {}) == Goal(("q", "r"), sure=True)


def test_what_is_bound_twice_is_bound_once_and_what_is_unbound_is_not():
    made = routes(("q", "k"), ("q", "k"), ("r", "k"))
    made.unbound(bound("q", "k", kind="unbound"))
    made.unbound(bound("q", "k", kind="unbound", exchange="nobody"))

    assert made.goal("x", "k", {}) == Goal(("r",), sure=True)


def test_of_an_exchange_that_nobody_saw_declared_nothing_is_sure():
    made = Routes()
    made.bound(bound("q", "k"))

    assert made.goal("x", "k", {}) == Goal((), sure=False)
    assert made.goal("amq.topic", "k", {}) == Goal((), sure=True)


# -------------------------------------------------------------------------------------------------------------- judged

WORLD = (rabbit("q", effects=(("place",),)), rabbit("r", effects=(("place",),)), place())
TOPOLOGY = (
    "0 far declared link=svc->rabbitmq what=exchange name=x broker=rabbitmq data.kind={kind}\n"
    "0 far bound queue=q exchange=x routing_key=red\n0 far bound queue=r exchange=x routing_key=red"
)
PUBLISHED = "\n".join(f"1 {at} attempted key=a x=1 conn=5 exchange=x routing_key={{key}}" for at in ("near", "far"))
CONFIRMED = "1 far acknowledged key=a x=1 conn=5\n1 near acknowledged key=a x=1 conn=5"
HANDLED = "2 delivered {q} a 1:1 conn={c}\n2 posted a {c} conn={c}\n2 settled {q} a 1:1 ack conn={c}"


def run(folder, *lines, kind="direct", key="red", left=(), told=""):
    head = [TOPOLOGY.format(kind=kind), told, PUBLISHED.format(key=key), CONFIRMED]
    return history(folder, *head, *lines, over(*left, queues=("q", "r")), world=WORLD)


def test_what_goes_through_an_exchange_is_owed_by_each_queue_that_is_bound_for_it(tmp_path):
    lines = [HANDLED.format(q="q", c=7), "1 subscribed r link=svc->rabbitmq"]
    left = accounted(run(tmp_path, *lines, left=["r a"]))
    assert (left.label, left.definite) == ("unconsumed", 1)

    gone = accounted(run(tmp_path, *lines))
    assert (gone.label, gone.definite) == ("lost", 1)
    assert [one.queue for one in gone.witnesses] == ["r"]


def test_each_of_its_queues_may_be_done_with_it_in_its_own_way(tmp_path):
    both = run(tmp_path, HANDLED.format(q="q", c=7), HANDLED.format(q="r", c=8))

    assert accounted(both).conclusion == "kept"
    assert accounted(both).premises == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_routing_key_is_unrouted_where_its_sender_was_told_to_send_it(tmp_path, kind):
    told = "0.5 harness attempted q a wire=told"
    verdict = accounted(run(tmp_path, key="blue", told=told, kind=kind))
    label = {"direct": "unrouted", "topic": "unrouted"}.get(kind, "lost")

    assert verdict.label == label


def test_where_nobody_was_told_a_message_that_goes_nowhere_is_the_edge_of_the_world(tmp_path):
    assert accounted(run(tmp_path, key="blue")).conclusion == "vacuous"


def test_of_an_unknown_exchange_what_arrives_counts_and_nothing_else(tmp_path):
    unknown = run(tmp_path, HANDLED.format(q="q", c=7), kind="consistent-hash")

    assert accounted(unknown).premises == 1
    assert effected_once(unknown).conclusion == "kept"


def test_a_publish_that_the_broker_did_not_take_is_owed_by_nobody(tmp_path):
    lines = [TOPOLOGY.format(kind="fanout"), PUBLISHED.format(key=""), "1 far refused key=a x=1 conn=5"]
    verdict = accounted(history(tmp_path, *lines, "1 near refused key=a x=1 conn=5", over(queues=("q", "r")), world=WORLD))

    assert verdict.conclusion == "vacuous"
    assert accounted(history(tmp_path, "1 far refused key=b x=1 conn=5", over(), world=WORLD)).conclusion == "vacuous"
