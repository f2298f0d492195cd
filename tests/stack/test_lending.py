"""One stack for several processes: told to each that asks, started once, and what is said where there is none."""

import socket
import threading

import pytest

from harness.address import Address
from harness.errors import StackError
from harness.stack.lending import Lender, borrowed
from harness.stack.model import Stack

STACK = Stack("native", *(Address("127.0.0.1", port) for port in (1, 2, 3, 4)), "guest", "guest", {"localstack": "4"})


def test_who_asks_gets_the_stack():
    asked: list[int] = []
    lender = Lender(lambda: asked.append(1) or STACK)
    nobody_asked = list(asked)
    got = [borrowed(lender.port), borrowed(lender.port)]
    lender.end()
    assert nobody_asked == []
    assert got == [STACK, STACK]


def refused() -> Stack:
    message = "RabbitMQ ended during its start"
    raise StackError(message)


def test_a_stack_that_cannot_be_started_is_said_to_who_asks():
    lender = Lender(refused)
    with pytest.raises(StackError, match="^RabbitMQ ended during its start$"):
        borrowed(lender.port)
    lender.end()


def test_a_lender_that_is_gone_is_said():
    lender = Lender(refused)
    lender.end()
    with pytest.raises(StackError, match="^the process that lends the stack is gone: ConnectionRefusedError"):
        borrowed(lender.port)


def test_a_lender_that_dies_before_it_answers_is_said():
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.settimeout(5)
        with pytest.raises(StackError, match="is gone: "):
            borrowed_from_one_that_hangs_up(deaf)


def borrowed_from_one_that_hangs_up(server: socket.socket) -> Stack:
    thread = threading.Thread(target=lambda: server.accept()[0].close())
    thread.start()
    try:
        return borrowed(server.getsockname()[1])
    finally:
        thread.join()
