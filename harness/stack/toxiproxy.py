"""The real Toxiproxy server, as a part of a native stack."""

from pathlib import Path

from harness.address import LOOPBACK, Address
from harness.stack import probe
from harness.stack.part import Part, private
from harness.stack.tools import Tools


def toxiproxy(tools: Tools, folder: Path, port: int) -> Part:
    """Return the Toxiproxy server."""
    return Part(
        name="Toxiproxy",
        command=(str(tools.toxiproxy), "-host", LOOPBACK, "-port", str(port)),
        environment=private(folder),
        ports=(port,),
        version=lambda: probe.toxiproxy(Address(LOOPBACK, port)),
        mend="`harness doctor` shows which server is used; it is looked for in PATH first",
    )
