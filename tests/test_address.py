import socket
from pathlib import Path

import pytest

from harness.address import GIVEN, SPAN, Address, free_port, reserved


def test_an_address_survives_its_text():
    assert Address.parse("127.0.0.1:5672") == Address("127.0.0.1", 5672)
    assert str(Address("::1", 80)) == "::1:80"


@pytest.mark.parametrize("text", ["", "host", "host:", ":80", "host:0", "host:65536", "host:http", "host:²"])
def test_what_is_no_address_is_refused(text: str):
    with pytest.raises(ValueError, match="an address is written host:port"):
        Address.parse(text)


def test_a_reserved_port_can_be_listened_on_meanwhile_by_who_knows_it():
    with reserved() as keeper, socket.socket() as server, socket.socket() as client:
        port = keeper.getsockname()[1]
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        keeper.close()
        client.connect(("127.0.0.1", port))
        peer = client.getpeername()
    assert peer == ("127.0.0.1", port)


def test_a_port_in_use_cannot_be_reserved():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(OSError, match="in use"):
            reserved(server.getsockname()[1])


def test_a_free_port_can_be_used():
    with socket.create_server(("127.0.0.1", free_port())) as server:
        port = server.getsockname()[1]
    assert port > 0


def test_no_connection_that_goes_out_is_given_a_free_port():
    first = int(GIVEN.read_text().split()[0])
    assert first - SPAN <= free_port() < first


@pytest.mark.parametrize("name", ["no room below", "not there"])
def test_where_there_is_no_such_port_any_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    (tmp_path / "no room below").write_text("20000 60999\n")
    monkeypatch.setattr("harness.address.GIVEN", tmp_path / name)
    assert free_port() > 0
