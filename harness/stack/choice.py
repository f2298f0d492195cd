"""Which stack a run gets: the one that is up, else a native one of its own, or the one whose addresses are given."""

import os
from collections.abc import Callable
from pathlib import Path

from harness.errors import UsageError
from harness.stack import external, native, running
from harness.stack.cache import Progress
from harness.stack.model import Stack
from harness.stack.provision import provisioned
from harness.warden import Warden

KINDS = ("auto", "native", "external")


def choose(kind: str, warden: Warden, *, logs: Path, progress: Progress, lost: Callable[[str], None]) -> Stack:
    """Return a running stack, saying in one line which and why.

    `auto` attaches to what `harness up` keeps, else starts a native one; `native` always starts its own, ended with `warden`.
    `lost` is told when a server of a native stack ends by itself. Raises UsageError for another kind, StackError where the stack
    cannot be had.
    """
    if kind not in KINDS:
        message = f"--harness-stack={kind}: there is no such stack; there are: {', '.join(KINDS)}"
        raise UsageError(message)
    if kind == "external":
        return external.attach(os.environ)
    if kind == "auto":
        up = running.find_running()
        if up is not None:
            progress("stack: attached to the one that `harness up` keeps")
            return up
    tools = provisioned(progress)
    progress(
        "stack: native, because none is up (`harness up` keeps one running)" if kind == "auto" else "stack: native, as asked"
    )
    return native.start(warden, tools, logs=logs, progress=progress, lost=lost)
