"""Through any chain of toxics that drop nothing, whatever is done to it meanwhile, bytes arrive unchanged and in order."""

import socket
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.toxiproxy.servers import echo
from tests.toxiproxy.transfers import api, pattern

Toxic = dict[str, Any]


def of_type(kind: str, **attributes: tuple[int, int]) -> st.SearchStrategy[Toxic]:
    drawn = {name: st.integers(*limits) for name, limits in attributes.items()}
    return st.fixed_dictionaries(
        {
            "type": st.just(kind),
            "stream": st.sampled_from(["upstream", "downstream"]),
            "toxicity": st.sampled_from([1, 1, 0.5]),
            "attributes": st.fixed_dictionaries(drawn),
        }
    )


TOXICS = (
    of_type("latency", latency=(0, 5), jitter=(0, 5))
    | of_type("bandwidth", rate=(5_000, 100_000))
    | of_type("slicer", average_size=(500, 5_000), size_variation=(0, 500), delay=(0, 20))
    | of_type("slow_close", delay=(0, 5))
    | of_type("limit_data", bytes=(10**9, 10**9))
    | of_type("noop")
)
PIECES = st.lists(st.integers(1, 60_000), min_size=1, max_size=5)
DEEDS = st.lists(st.sampled_from(["add", "update", "remove", "none"]), min_size=1, max_size=5)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(toxics=st.lists(TOXICS, max_size=5), pieces=PIECES, deeds=DEEDS)
def test_bytes_arrive_unchanged_and_in_order(embedded_api: int, toxics: list[Toxic], pieces: list[int], deeds: list[str]):
    sent, toxics = pattern(sum(pieces)), [{**toxic, "name": f"t{number}"} for number, toxic in enumerate(toxics)]
    with echo() as (host, port):
        proxy = api(embedded_api, "POST", "/proxies", {"name": "any", "listen": "127.0.0.1:0", "upstream": f"{host}:{port}"})
        for toxic in toxics:
            api(embedded_api, "POST", "/proxies/any/toxics", toxic)
        with socket.create_connection(("127.0.0.1", int(proxy["listen"].rpartition(":")[2])), timeout=60) as client:
            got, at = bytearray(), 0
            for number, length in enumerate(pieces):
                client.sendall(sent[at : at + length])
                at += length
                do(embedded_api, deeds[number % len(deeds)], toxics, number)
            while len(got) < len(sent):
                got += client.recv(65536) or b"the connection ended too early" * len(sent)
        api(embedded_api, "DELETE", "/proxies/any")
    assert got == sent


def do(port: int, deed: str, toxics: list[Toxic], number: int) -> None:
    """Change the chain while bytes are in it."""
    there = [toxic["name"] for toxic in api(port, "GET", "/proxies/any/toxics")]
    calls: dict[str, list[tuple[str, str, object]]] = {
        "add": [("POST", "", {"type": "latency", "name": f"new-{number}", "attributes": {"latency": 3}})],
        "update": [("PATCH", f"/{name}", {}) for name in there],
        "remove": [("DELETE", f"/{name}", None) for name in there[-1:]],
    }
    for method, path, body in calls.get(deed, []):
        api(port, method, f"/proxies/any/toxics{path}", body)
