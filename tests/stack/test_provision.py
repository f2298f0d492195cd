import os
import sys
from pathlib import Path
from threading import Event

import pytest

from harness.errors import StackError
from harness.stack import provision, provision_localstack, provision_toxiproxy
from harness.stack.cache import Progress
from harness.stack.found import Program
from tests.stack.programs import bare_path, private_cache


def test_everything_a_native_stack_needs_is_there_after_set_up():
    told: list[str] = []

    tools = provision.provisioned(told.append)

    assert [path for path in (tools.localstack_python, tools.toxiproxy) if not os.access(path, os.X_OK)] == []
    assert (tools.rabbitmq_home / "plugins").is_dir()
    assert list(tools.erlang_root.glob("erts-*/bin/erlexec")) != []
    assert (tools.noepmd / "noepmd.beam").exists()
    assert sorted(tools.versions) == ["localstack", "rabbitmq", "toxiproxy"]
    assert all(tools.versions.values())
    assert [line for line in told if "ready after" in line] == []


def test_each_component_is_inspected_and_nothing_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bare_path(tmp_path / "bin", monkeypatch)
    folder = private_cache(tmp_path / "cache", monkeypatch)

    components = provision.inspect()

    assert [one.name for one in components] == ["localstack", "rabbitmq", "toxiproxy"]
    assert list(folder.iterdir()) == []


def test_what_cannot_be_had_is_said_when_the_others_are_there(monkeypatch: pytest.MonkeyPatch):
    """So that a second try has less to do. Each line begins with a name, and what took something says how long."""
    failed, finished = Event(), Event()
    told: list[str] = []

    def cannot(progress: Progress) -> Program:
        failed.set()
        message = "there is no Go"
        raise StackError(message)

    def takes_longer(progress: Progress) -> Program:
        failed.wait(60)
        progress("installing")
        finished.set()
        return Program("provisioned", Path("python"), "4.13.1")

    monkeypatch.setattr(provision_toxiproxy, "provided", cannot)
    monkeypatch.setattr(provision_localstack, "provided", takes_longer)

    with pytest.raises(StackError, match="there is no Go"):
        provision.provisioned(told.append, toxiproxy="server")

    assert finished.is_set()
    assert told[0] == "localstack: installing"
    assert told[1].startswith("localstack: ready after ")


def test_where_no_toxiproxy_can_be_had_the_embedded_one_is_used(monkeypatch: pytest.MonkeyPatch):
    told: list[str] = []

    def cannot(progress: Progress) -> Program:
        message = "there is no Go"
        raise StackError(message)

    monkeypatch.setattr(provision_toxiproxy, "provided", cannot)

    tools = provision.provisioned(told.append)

    assert (tools.embedded, tools.toxiproxy, tools.versions["toxiproxy"]) == (True, Path(sys.executable), "2.12.0")
    assert told == ["toxiproxy: the embedded one is used, because the original cannot be had: there is no Go"]


def test_for_the_embedded_toxiproxy_nothing_is_provisioned(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(provision_toxiproxy, "provided", None)

    assert provision.provisioned(print, toxiproxy="embedded").embedded


def test_a_cache_that_is_a_file_is_said_before_anything_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    private_cache(tmp_path / "file", monkeypatch)
    told: list[str] = []

    with pytest.raises(StackError, match="is a file"):
        provision.provisioned(told.append)

    assert told == []
