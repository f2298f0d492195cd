"""The network of a run's services in containers: a bridge of its own, from which they reach their links and nothing else.

It is internal, so nothing on it has a way to other networks: no real AWS name, no broker beside its link. The host has an address
on it; the links of these services listen on that address and on that device, so that nobody else comes to them.
"""

from typing import Any

from harness.address import Interface
from harness.engine.daemon import first
from harness.engine.reaper import LABEL
from harness.errors import StackError
from harness.wire.sockets import Port

PREFIX = "hc-"
"""With the twelve characters of a run it is the longest name that a network device may have."""
DEVICE = "com.docker.network.bridge.name"


def made(client: Any, run_id: str) -> Interface:
    """Make the network of this run, labelled with it; return where the host listens on it. Its name is that of its device.

    Raises StackError where docker cannot make it, or makes it on another machine.
    """
    from docker.errors import APIError  # noqa: PLC0415 (see the package)

    name = f"{PREFIX}{run_id}"
    try:
        network = client.networks.create(name, driver="bridge", internal=True, labels={LABEL: run_id}, options={DEVICE: name})
        network.reload()
    except APIError as error:
        message = f"docker cannot make the network {name} for services in containers: {first(error)}"
        raise StackError(message) from error
    here = Interface(str(network.attrs["IPAM"]["Config"][0]["Gateway"]), name)
    try:
        Port(lambda _: None, at=here).close()
    except OSError as error:
        message = (
            f"no link can listen for services in containers: {here.host} on {name} cannot be had ({error.strerror}); the Docker"
            " daemon has to run on this machine, in its own network, and not in a virtual machine; or start them as processes"
        )
        raise StackError(message) from error
    return here
