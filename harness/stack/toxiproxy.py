"""Toxiproxy as a part of a native stack: the original server, or the embedded one, which speaks the same API."""

import os
import sys
from pathlib import Path

from harness.address import LOOPBACK, Address
from harness.stack import probe
from harness.stack.part import Part, private

_EMBEDDED = (sys.executable, "-m", "harness.toxiproxy.embedded")


def toxiproxy(server: Path | None, folder: Path, port: int) -> Part:
    """Return the Toxiproxy server; the embedded one where there is none."""
    mend = "`harness doctor` shows which server is used; it is looked for in PATH first"
    return Part(
        name="Toxiproxy" if server else "Toxiproxy (embedded)",
        command=(*((str(server),) if server else _EMBEDDED), "-host", LOOPBACK, "-port", str(port)),
        # The embedded one needs what this interpreter was started with, to find the harness.
        environment=private(folder) if server else dict(os.environ),
        ports=(port,),
        version=lambda: probe.toxiproxy(Address(LOOPBACK, port)),
        mend=mend if server else "--harness-toxiproxy=server has the original one used",
    )
