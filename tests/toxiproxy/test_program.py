"""The embedded server as the program that stands in for toxiproxy-server in a stack."""

import signal
import socket
import subprocess
import sys

PROGRAM = [sys.executable, "-m", "harness.toxiproxy.embedded", "-host", "127.0.0.1"]


def test_it_serves_until_it_is_told_to_end():
    with subprocess.Popen([*PROGRAM, "-port", "0", "-seed", "5"], stdout=subprocess.PIPE, text=True) as program:
        line = (program.stdout or sys.stdin).readline()
        address = line.split()[3].rstrip(",")
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=60):
            program.send_signal(signal.SIGTERM)
            status = program.wait(60)
    assert (line, status) == (f"embedded Toxiproxy at {address}, seed 5\n", 0)


def test_a_port_that_is_taken_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = subprocess.run([*PROGRAM, "-port", str(port)], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (3, 1)
    assert ran.stderr.startswith(f"port {port} of 127.0.0.1 cannot be used: address already in use")
