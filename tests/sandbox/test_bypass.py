"""Connections of a process that go around its link, seen in /proc: real sockets, real processes."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from harness.sandbox.bypass import Watch

DIALS = """
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
print("there", flush=True)
sys.stdin.read()
"""


def test_a_connection_of_a_process_is_found_and_named():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0)) as other:
        port, quiet = server.getsockname()[1], other.getsockname()[1]
        command = [sys.executable, "-c", DIALS, str(port)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.readline()  # type: ignore[union-attr]
        found = Watch({port: "RabbitMQ"}).look([process.pid])
        by_descent = Watch({port: "RabbitMQ"}).look([os.getpid()])
        nothing = Watch({quiet: "LocalStack"}).look([process.pid])
        process.communicate()
    assert found == by_descent
    assert found == [f"process {process.pid} is connected straight to RabbitMQ (port {port}), around its link"]
    assert nothing == []


def test_a_process_that_is_gone_has_no_connections():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            found = Watch({port: "RabbitMQ"}).look([2**22 + 1])
    assert found == []


def test_where_there_is_no_proc_nothing_is_found(tmp_path: Path):
    assert Watch({1: "RabbitMQ"}, tmp_path / "nowhere").look([1]) == []


def test_what_ends_while_it_is_looked_at_is_passed_over(tmp_path: Path):
    (tmp_path / "net").mkdir()
    line = "   0: 0100007F:0001 0100007F:1538 01 0:0 0:0 0 0 0 4711 1"
    (tmp_path / "net" / "tcp").write_text(f"head\n{line}\n")
    (tmp_path / "7" / "fd").mkdir(parents=True)
    (tmp_path / "7" / "fd" / "3").write_text("not a link")
    (tmp_path / "7" / "fd" / "4").symlink_to("/dev/null")
    (tmp_path / "7" / "fd" / "5").symlink_to("socket:[4711]")
    watch = Watch({0x1538: "RabbitMQ"}, tmp_path)
    assert watch.look([7, 8]) == ["process 7 is connected straight to RabbitMQ (port 5432), around its link"]
    assert watch.look([7, 8]) == []
