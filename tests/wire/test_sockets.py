"""A port on a network device: who comes in there is accepted, this machine itself is not."""

import asyncio
import socket

import pytest

from harness.address import Interface
from harness.wire.sockets import Port

LO = Interface("127.0.0.1", "lo")


async def accepted_from(source: str) -> int:
    """Connect from this address to a port on the device; return how many were accepted."""
    accepted: list[socket.socket] = []
    port = Port(accepted.append, at=LO)
    port.listen()
    with socket.create_connection(("127.0.0.1", port.number), source_address=(source, 0)):
        port.refuse()  # whom the kernel has taken is accepted first
    for one in accepted:
        one.close()
    port.close()
    return len(accepted)


@pytest.mark.parametrize(("source", "accepted"), [("127.0.0.2", 1), ("127.0.0.1", 0)], ids=["from elsewhere", "from itself"])
def test_a_port_on_a_device_hears_who_comes_in_there(source: str, accepted: int):
    assert asyncio.run(accepted_from(source)) == accepted


@pytest.mark.parametrize(
    "at", [Interface("127.0.0.1", "no-device"), Interface("192.0.2.77", "lo")], ids=["no device", "no address"]
)
def test_what_this_machine_has_not_cannot_be_listened_on(at: Interface):
    with pytest.raises(OSError, match=r"device|address"):
        Port(print, at=at)
