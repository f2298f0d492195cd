"""One stack for several processes of a run: the first that needs it has it started by the process that lends it.

The lender is the one that lives longest (under pytest-xdist the controller); the stack is its own, and ends with it.
"""

import json
import socket
import threading
from collections.abc import Callable

from harness.address import LOOPBACK
from harness.errors import HarnessError, StackError
from harness.stack.model import Stack


class Lender:
    """Tells the address of the stack that `stack(speed)` returns to whoever connects to `port`; it is called one at a time."""

    def __init__(self, stack: Callable[[int], Stack]) -> None:
        self._stack = stack
        self._socket = socket.create_server((LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, name="stack lender", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Lend no more; what was lent lives on."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                borrower, _ = self._socket.accept()
            except OSError:
                return  # ended
            with borrower, borrower.makefile("rb") as asked:
                borrower.sendall(json.dumps(self._answer(int(asked.readline() or 1))).encode())

    def _answer(self, speed: int) -> dict[str, object]:
        try:
            return {"stack": self._stack(speed).to_json()}
        except HarnessError as error:
            return {"error": str(error)}


def borrowed(port: int, speed: int = 1) -> Stack:
    """Return the stack of this speed that is lent at `port`, started now if it was not yet; StackError where it cannot be had."""
    try:
        with socket.create_connection((LOOPBACK, port)) as lender, lender.makefile("rb") as answer:
            lender.sendall(f"{speed}\n".encode())
            said = json.loads(answer.read())
    except (OSError, ValueError) as error:
        message = f"the process that lends the stack is gone: {error!r}"
        raise StackError(message) from error
    if "error" in said:
        raise StackError(said["error"])
    return Stack.from_json(said["stack"])
