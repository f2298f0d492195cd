"""The same calls to the original and to the embedded server: each answer is equal, or its difference is explained here."""

import http.client
import json
import re
import socket
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest

from harness.toxiproxy.embedded.chance import Chance
from harness.toxiproxy.embedded.toxics import TYPES
from tests.toxiproxy import edge_calls
from tests.toxiproxy.edge_calls import Call
from tests.toxiproxy.servers import embedded, original

SEED = 20211

# What kills the original later, at the first data, is refused at once.
REFUSED = {
    '{"type":"bandwidth","attributes":{"rate":-1}}': "the rate of a bandwidth must not be below 0",
    '{"type":"slicer"}': "a slicer needs an average_size above 0",
    '{"type":"slicer","attributes":{"average_size":5,"size_variation":6}}': (
        "the size_variation of a slicer must not be above its average_size"
    ),
    '{"type":"slicer","attributes":{"average_size":5,"size_variation":-5}}': (
        "the size_variation of a slicer must not be above its average_size"
    ),
    '{"type":"latency","attributes":{"jitter":4611686018427387904}}': (
        "the jitter of a latency must be below 4611686018427387904 ms"
    ),
}


class Answer(NamedTuple):
    """What can be compared; ports that the kernel chose are not."""

    status: int
    body: str
    content_type: str | None
    sniffing: str | None
    location: str | None
    has_ident: bool


def asked(port: int, call: Call, **headers: str) -> Answer:
    method, path, body = call
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body.encode(), headers)
    response = connection.getresponse()
    text = response.read().decode("utf-8", "replace")
    connection.close()
    return Answer(
        response.status,
        re.sub(r"((?:127\.0\.0\.\d|\[[:1]+\]):)\d{4,5}\b", r"\1PORT", text),
        response.getheader("Content-Type"),
        response.getheader("X-Content-Type-Options"),
        response.getheader("Location"),
        len(response.getheader("X-Toxiproxy-Request-Id", "")) == 20,
    )


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[int, int]]:
    """The ports of the APIs of two servers that nobody else uses."""
    with original() as theirs, embedded() as ours:
        yield theirs, ours


def differences(both: tuple[int, int], calls: Iterable[Call]) -> list[tuple[Call, Answer, Answer]]:
    answers = ((call, asked(both[0], call), asked(both[1], call)) for call in calls)
    return [(call, theirs, ours) for call, theirs, ours in answers if theirs != ours]


def test_every_edge_of_the_api_is_the_same(both: tuple[int, int]):
    assert differences(both, edge_calls.ALL) == []


def attributes(chance: Chance, kind: str) -> dict[str, int]:
    if kind == "slicer":  # only some of them would kill the original
        return dict.fromkeys(TYPES[kind].fields, 1 + chance.below(1000))
    return {name: chance.below(1000) for name in TYPES[kind].fields if chance.below(2)}


def drawn(seed: int, number: int) -> Iterator[Call]:
    """Calls as a busy client makes them: a few proxies, made, changed, given toxics, disabled, reset, deleted, all over."""
    chance = Chance(seed, "calls")

    def one_of(*choices: str) -> str:
        return choices[chance.below(len(choices))]

    for _ in range(number):
        proxy, kind, stream = one_of("a", "b", "c"), one_of(*TYPES), one_of("upstream", "downstream", "Downstream", "sideways")
        toxicity, enabled = chance.below(8) / 4, bool(chance.below(2))
        toxic = {"type": kind, "stream": stream, "toxicity": toxicity, "attributes": attributes(chance, kind)}
        calls: list[Call] = [
            ("POST", "/proxies", json.dumps({"name": proxy, "listen": "127.0.0.1:0", "upstream": "h:1", "enabled": enabled})),
            (
                one_of("POST", "PATCH"),
                f"/proxies/{proxy}",
                json.dumps({"enabled": enabled, "upstream": one_of("h:1", "h:2", "")}),
            ),
            ("POST", f"/proxies/{proxy}/toxics", json.dumps(toxic)),
            ("POST", f"/proxies/{proxy}/toxics", json.dumps({**toxic, "name": one_of("x", "y")})),
            ("PATCH", f"/proxies/{proxy}/toxics/{one_of('x', 'y')}", json.dumps({"toxicity": toxicity})),
            ("DELETE", f"/proxies/{proxy}/toxics/{one_of('x', 'y', f'{kind}_{stream}')}", ""),
            ("GET", one_of("/proxies", f"/proxies/{proxy}", f"/proxies/{proxy}/toxics", f"/proxies/{proxy}/toxics/x"), ""),
            ("POST", "/populate", json.dumps([{"name": name, "listen": "127.0.0.1:0", "upstream": "h:1"} for name in "abc"])),
            (one_of("DELETE", "POST", "GET"), f"/proxies/{proxy}", "{}"),
            ("POST", "/reset", ""),
        ]
        yield calls[min(chance.below(11), chance.below(11), 9)]


def test_a_busy_client_gets_the_same_answers(both: tuple[int, int]):
    calls = list(drawn(SEED, 300))
    assert {method for method, _, _ in calls} == {"GET", "POST", "PATCH", "DELETE"}
    assert differences(both, calls) == []


def test_a_browser_is_refused_by_both(both: tuple[int, int]):
    answers = [asked(port, ("GET", "/proxies", ""), **{"User-Agent": "Mozilla/5.0"}) for port in both]
    assert answers[0] == answers[1]
    assert (answers[0].status, answers[0].body) == (403, "User agent not allowed\n")


def test_ports_that_are_taken_are_told_the_same_way(both: tuple[int, int]):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        proxy = {"name": "taken", "listen": f"127.0.0.1:{port}", "upstream": "h:1"}
        calls = [
            ("POST", "/proxies", json.dumps(proxy)),
            ("POST", "/proxies", json.dumps({**proxy, "listen": f"localhost:{port}"})),
            ("POST", "/proxies", json.dumps({**proxy, "listen": f":{port}"})),
            ("POST", "/proxies", json.dumps({**proxy, "enabled": False})),
            ("PATCH", "/proxies/taken", '{"enabled":true}'),
            ("POST", "/reset", ""),
            ("PATCH", "/proxies/taken", '{"listen":"127.0.0.1:0","enabled":true}'),
            ("PATCH", "/proxies/taken", json.dumps({"listen": f"127.0.0.1:{port}"})),
            ("GET", "/proxies/taken", ""),
            ("POST", "/populate", json.dumps([{**proxy, "upstream": "h:3"}])),
            ("DELETE", "/proxies/taken", ""),
        ]
        found = differences(both, calls)
    assert found == []


# ---------------------------------------------------------------------------------------------- explained differences


@pytest.mark.parametrize(("body", "why"), REFUSED.items(), ids=[str(number) for number in range(len(REFUSED))])
def test_what_kills_the_original_at_the_first_data_is_refused(embedded_api: int, body: str, why: str):
    asked(embedded_api, ("POST", "/proxies", '{"name":"k","listen":"127.0.0.1:0","upstream":"h:1"}'))
    answer = asked(embedded_api, ("POST", "/proxies/k/toxics", body))
    assert (answer.status, json.loads(answer.body)["error"]) == (400, why)


def test_an_update_that_would_kill_the_original_changes_nothing(embedded_api: int):
    toxic = "/proxies/u/toxics/bandwidth_downstream"
    asked(embedded_api, ("POST", "/proxies", '{"name":"u","listen":"127.0.0.1:0","upstream":"h:1"}'))
    asked(embedded_api, ("POST", "/proxies/u/toxics", '{"type":"bandwidth","attributes":{"rate":5}}'))
    assert asked(embedded_api, ("PATCH", toxic, '{"attributes":{"rate":-1}}')).status == 400
    assert json.loads(asked(embedded_api, ("GET", toxic, "")).body)["attributes"] == {"rate": 5}


def test_a_name_that_cannot_be_looked_up_is_told_without_the_name_of_a_name_server(both: tuple[int, int]):
    call = ("POST", "/proxies", '{"name":"n","listen":"nowhere.invalid:0","upstream":"h:1"}')
    theirs, ours = (json.loads(asked(port, call).body)["error"] for port in both)
    assert re.sub(r" on [^ ]+: ", ": ", theirs) == ours == "listen tcp: lookup nowhere.invalid: no such host"


def test_what_is_nested_deeper_than_anything_an_api_needs_is_refused(both: tuple[int, int]):
    theirs, ours = (json.loads(asked(port, ("POST", "/proxies", "[" * 201)).body)["error"] for port in both)
    assert theirs == "bad request body: unexpected EOF"  # the original gives up at 10,000
    assert ours == "bad request body: invalid character '[' exceeded max depth"


def test_reset_goes_on_after_a_proxy_that_cannot_listen(embedded_api: int):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for name, listen in (("r1", "127.0.0.1:0"), ("r2", f"127.0.0.1:{taken.getsockname()[1]}"), ("r3", "127.0.0.1:0")):
            proxy = {"name": name, "listen": listen, "upstream": "h:1", "enabled": False}
            asked(embedded_api, ("POST", "/proxies", json.dumps(proxy)))
            asked(embedded_api, ("POST", f"/proxies/{name}/toxics", '{"type":"noop"}'))
        answer = asked(embedded_api, ("POST", "/reset", ""))
        proxies = json.loads(asked(embedded_api, ("GET", "/proxies", "")).body)
        asked(embedded_api, ("DELETE", "/proxies/r2", ""))
    assert (answer.status, "address already in use" in answer.body) == (500, True)
    assert [(proxies[name]["enabled"], proxies[name]["toxics"]) for name in ("r1", "r2", "r3")] == [
        (True, []),
        (False, []),
        (True, []),
    ]
