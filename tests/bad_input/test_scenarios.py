"""What a test is told that asks for what cannot be: one clear sentence, no traceback of ours, and nothing left running."""

import re
import socket
from pathlib import Path

import pytest

from tests.leaks.killed import victim
from tests.plugin.driven import Done

TEXT = """
import sys
import pytest
from harness import Link, Moment, Service
from harness.faults import outage

def started(sandbox, service, **more):
    sandbox.start(service, uses={"AMQP_URL": sandbox.rabbitmq}, **more)
    sandbox.drain()

def test_missing_command(sandbox):
    started(sandbox, Service("billing", command=["billing-that-is-not-there", "--port", "1"]))

def test_exits_at_once(sandbox):
    started(sandbox, Service.named("exits-at-once"))

def test_never_ready(sandbox, monkeypatch):
    monkeypatch.setattr("harness.sandbox.instances.READY_WITHIN", 5.0)
    started(sandbox, Service.named("never-ready"))

def test_name_used_twice(sandbox):
    started(sandbox, Service.named("never-ready"), environment={"AMQP_URL": "amqp://elsewhere"})

def test_unknown_overlay(sandbox):
    started(sandbox, Service.named("esr-writer")["as mended"])

def test_unknown_service(sandbox):
    started(sandbox, Service.named("esr-reader"))

def test_unknown_link(sandbox):
    tcs = sandbox.http("tcs")
    sandbox.start(Service.named("prefork"), uses={"TCS_URL": tcs})
    sandbox.inject(outage(Link("prefork", "tis")))

def test_link_of_what_is_not_used(sandbox):
    tcs, tis = sandbox.http("tcs"), sandbox.http("tis")
    service = sandbox.start(Service.named("prefork"), uses={"TCS_URL": tcs})
    sandbox.inject(outage(service.link(tis)))

def test_unknown_thing(sandbox):
    tcs = sandbox.http("tcs")
    service = sandbox.start(Service.named("prefork"), uses={"TCS_URL": tcs})
    sandbox.inject(outage(service.link(tcs), begins=Moment("tis", "answered")))

def test_thing_named_twice(sandbox):
    sandbox.http("tcs")
    sandbox.rabbitmq.queue("tcs")
"""
SAID = {
    "missing_command": r"StartError: billing: there is no command billing-that-is-not-there; install it, or give its full path",
    "exits_at_once": (
        r"StartError: exits-at-once ended before it was ready, with exit status 3; its last lines in \S+/exits-at-once\.log:\n"
        r"starting\nreading the configuration\nFATAL: DATABASE_URL is not set"
    ),
    "never_ready": (
        r"StartError: never-ready did not get ready in 5 s: a Basic\.Consume or ReceiveMessage on never-ready->rabbitmq"
        r" did not come; its last lines in \S+/never-ready\.log:\nwaiting for the migration lock"
    ),
    "name_used_twice": (
        r"UsageError: never-ready: the environment name AMQP_URL is used twice:"
        r" in uses= and in environment= of start; drop one of them"
    ),
    "unknown_overlay": (
        r"UsageError: esr-writer has no version or variant 'as mended'; versions: 'pika 1\.4\.4', 'aio-pika 10\.2\.1';"
        r" variants: 'as it was', .*'as fixed'"
    ),
    "unknown_service": r"UsageError: there is no service 'esr-reader' in \S+; there are: .*esr-exporter, esr-writer, .*",
    "unknown_link": r"UsageError: outage\(Link\('prefork', 'tis'\)\): there is no link prefork->tis; there are: prefork->tcs",
    "link_of_what_is_not_used": r"UsageError: prefork does not use 'tis'; its links are: prefork->tcs",
    "unknown_thing": (
        r"UsageError: Moment\('tis', 'answered'\): there is no 'tis' in this sandbox;"
        r" there are: aws, rabbitmq, tcs, prefork"
    ),
    "thing_named_twice": r"UsageError: there is already the http resource 'tcs' in this sandbox;"
    r" give the RabbitMQ queue 'tcs' another name",
}
TAKEN = (
    r"port {port} of 127\.0\.0\.1 \(HARNESS_RABBITMQ_PORT\) cannot be used: process \d+ \(.+\); stop that program,"
    r" or set HARNESS_RABBITMQ_PORT to another port"
)


@pytest.fixture(scope="module")
def told(addresses: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, list[str]]:
    folder = tmp_path_factory.mktemp("bad")
    with victim(folder, addresses, TEXT) as one:
        one.await_said("the sandbox|failed in")
        one.processes()
        status = one.process.wait(600)
    return Done(status, one.said, folder / "runs"), one.left_after(within=60)


@pytest.mark.parametrize("name", SAID)
def test_a_scenario_that_cannot_be_is_told_why_without_a_traceback(told: tuple[Done, list[str]], name: str):
    text = told[0].failure(f"test_{name}")
    assert re.fullmatch(SAID[name], text), text


def test_nothing_is_left_running(told: tuple[Done, list[str]]):
    done, left = told
    assert done.status == 1
    assert f"{len(SAID)} failed" in done.printed
    assert left == []


@pytest.fixture
def taken() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


KEPT = "def test_first(sandbox): pass\ndef test_second(sandbox): pass\n"


def test_a_port_that_is_taken_is_named_with_who_has_it(tmp_path: Path, taken: socket.socket):
    port = str(taken.getsockname()[1])
    with taken, victim(tmp_path, {"HARNESS_STACK": "native", "HARNESS_RABBITMQ_PORT": port}, KEPT) as one:
        status = one.process.wait(600)
    text = Done(status, one.said, tmp_path).failure("test_first")
    assert status == 1
    assert re.fullmatch(f"StackError: {TAKEN.format(port=port)}", text), text
    assert one.left_after(within=60) == []


def test_a_cache_folder_that_is_a_file_is_named(tmp_path: Path):
    (tmp_path / "cache").touch()
    with victim(tmp_path / "run", {"HARNESS_STACK": "native", "HARNESS_CACHE": str(tmp_path / "cache")}, KEPT) as one:
        status = one.process.wait(600)
    text = Done(status, one.said, tmp_path).failure("test_first")
    assert status == 1
    assert text == (
        f"StackError: the cache folder {tmp_path}/cache is a file, or lies below one; let HARNESS_CACHE name a folder that can be"
        " written to"
    )
    assert one.left_after(within=60) == []
