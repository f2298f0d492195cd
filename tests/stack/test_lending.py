"""One stack for several processes: told to each that asks, started once, and what is said where there is none."""

import socket
import threading

import pytest

from harness.address import Address
from harness.errors import StackError
from harness.stack.lending import Lender, borrowed
from harness.stack.model import Stack

ONE, TWO, THREE, FOUR = (Address("127.0.0.1", port) for port in (1, 2, 3, 4))
STACK = Stack("native", ONE, TWO, THREE, FOUR, "guest", "guest", {"localstack": "4"})


def test_who_asks_gets_the_stack_which_nobody_started_before():
    asked: list[int] = []

    def started(speed: int) -> Stack:
        asked.append(speed)
        return STACK

    lender = Lender(started)
    before = len(asked)
    got = [borrowed(lender.port), borrowed(lender.port, 20)]
    lender.end()
    assert before == 0
    assert got == [STACK, STACK]
    assert asked == [1, 20]


def refused(speed: int) -> Stack:
    message = f"RabbitMQ x{speed} ended during its start"
    raise StackError(message)


def test_a_stack_that_cannot_be_started_is_said_to_who_asks():
    lender = Lender(refused)
    with pytest.raises(StackError, match=r"^RabbitMQ x1 ended during its start$"):
        borrowed(lender.port)
    lender.end()


def test_a_lender_that_is_gone_is_said():
    lender = Lender(refused)
    lender.end()
    with pytest.raises(StackError, match=r"^the process that lends the stack is gone: ConnectionRefusedError"):
        borrowed(lender.port)


def test_a_lender_that_dies_before_it_answers_is_said():
    server = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        server.accept()[0].close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    with pytest.raises(StackError, match="is gone: "):
        borrowed(server.getsockname()[1])
    thread.join()
    server.close()
