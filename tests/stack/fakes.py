"""Fake servers that start in 0.1 s, for what the real ones cannot be made to do: die, hang, answer wrongly."""

import shlex
import sys
from pathlib import Path

from harness.stack.tools import Tools

# One program for all three: who it is to be shows in what it is started with, as with the real ones.
FAKE = r"""
import http.server, json, os, re, socketserver, sys, threading
class Http(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.answer({}, int(os.environ.get("FAKE_STATUS", "200")))
    def do_GET(self):
        bodies = {
            "/_localstack/health": {"services": {"sqs": os.environ.get("FAKE_SQS", "running")}, "version": "0.0.1"},
            "/api/overview": {"rabbitmq_version": "0.0.2"},
            "/api/whoami": {"tags": ["administrator"]},
            "/version": {"version": "0.0.3"},
        }
        self.answer(bodies.get(self.path, {}), 200)
    def answer(self, data, status):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments): pass
class Amqp(socketserver.BaseRequestHandler):
    def handle(self):
        if self.request.recv(8) == b"AMQP\0\0\x09\x01": self.request.sendall(b"\x01")
def serve(port, handler):
    server = socketserver.ThreadingTCPServer
    server.allow_reuse_address = server.daemon_threads = True
    threading.Thread(target=server(("127.0.0.1", port), handler).serve_forever).start()
if "GATEWAY_LISTEN" in os.environ:
    serve(int(os.environ["GATEWAY_LISTEN"].rpartition(":")[2]), Http)
elif "RABBITMQ_CONFIG_FILE" in os.environ:
    text = open(os.environ["RABBITMQ_CONFIG_FILE"] + ".conf").read()
    serve(int(re.search(r"listeners.tcp.1 = 127.0.0.1:(\d+)", text)[1]), Amqp)
    serve(int(re.search(r"management.tcp.port = (\d+)", text)[1]), Http)
else:
    serve(int(sys.argv[sys.argv.index("-port") + 1]), Http)
print("fake is up", flush=True)
"""
SERVERS = ("localstack", "rabbitmq", "toxiproxy")


def tools(folder: Path, **scripts: str) -> Tools:
    """Return tools that are fakes; `scripts` are shell commands to run in the place of one of SERVERS."""
    (folder / "fake.py").write_text(FAKE)
    binaries = folder / "erlang" / "erts-0" / "bin"
    binaries.mkdir(parents=True)
    places = {"localstack": folder / "python", "rabbitmq": binaries / "erlexec", "toxiproxy": folder / "toxiproxy"}
    for name, place in places.items():
        fake = f'exec {shlex.quote(sys.executable)} {shlex.quote(str(folder / "fake.py"))} "$@"'
        place.write_text(f"#!/bin/sh\n{scripts.get(name, fake)}\n")
        place.chmod(0o700)
    return Tools(
        localstack_python=places["localstack"],
        rabbitmq_home=folder,
        erlang_root=folder / "erlang",
        noepmd=folder,
        toxiproxy=places["toxiproxy"],
        versions={},
    )
