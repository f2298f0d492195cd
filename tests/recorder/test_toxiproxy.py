"""The embedded Toxiproxy in the loop of a recorder: one, made when it is first asked for, gone with the recorder."""

import socket
import subprocess

import pytest

from harness.clock import eventually
from harness.recorder.client import Recorder
from harness.toxiproxy.client import Toxiproxy
from tests.recorder.test_client import spawn

HERE = "127.0.0.1"


def is_open(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex((HERE, port)) == 0


@pytest.mark.parametrize("how", ["thread", "process"])
def test_it_is_made_once_and_gone_with_its_recorder(how: str):
    children: list[subprocess.Popen[bytes]] = []
    recorder = Recorder.start(None if how == "thread" else lambda command, fd: children.append(spawn(command, fd)))
    port = recorder.toxiproxy()
    again = recorder.toxiproxy()
    proxy = Toxiproxy(HERE, port).create("writer.tcs", (HERE, port))
    through = Toxiproxy(HERE, proxy).version()
    recorder.end()
    for child in children:
        child.wait(60)

    assert again == port
    assert through == "2.12.0"
    assert eventually(lambda: not is_open(port) and not is_open(proxy), awaited="both to be closed", within=60)
