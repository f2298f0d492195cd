"""`harness toxiproxy` as its users run it."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import cli
from harness.address import free_port
from harness.toxiproxy.client import Toxiproxy

Said = Callable[..., str]
HARNESS = str(Path(sys.executable).with_name("harness"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "proxies.json"


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run the command when it cannot serve; return what it says."""

    def run(*arguments: object) -> str:
        with pytest.raises(SystemExit, match=r"^3$"):
            cli.main(["toxiproxy", *map(str, arguments)])
        return capsys.readouterr().err

    return run


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def running(port: int, file: Path) -> Iterator["subprocess.Popen[str]"]:
    file.write_text(json.dumps([{"name": "a", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}]))
    command = [HARNESS, "toxiproxy", "--port", str(port), "--seed", "7", "--config", str(file)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminate"])
def test_it_serves_until_it_is_told_to_end(running: "subprocess.Popen[str]", port: int, number: int):
    assert running.stderr is not None
    line = running.stderr.readline()
    client = Toxiproxy("127.0.0.1", port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/version") as answer:
        server = answer.headers["Server"]
    proxies = list(client.proxies())
    running.send_signal(number)
    status = running.wait(60)
    assert line == f"embedded Toxiproxy at 127.0.0.1:{port}, seed 7; Ctrl-C ends it\n"
    assert (server, proxies, status) == ("message-chaos-harness", ["a"], 0)


def test_a_port_that_is_taken(said: Said, running: "subprocess.Popen[str]", port: int):
    assert running.stderr is not None
    running.stderr.readline()
    why = "address already in use; choose another with --port, 0 is any free one"
    assert said("--port", port) == f"harness: port {port} of 127.0.0.1 cannot be used: {why}\n"


def test_a_host_that_is_none(said: Said):
    assert said("--host", "nowhere.invalid", "--port", 0).startswith("harness: port 0 of nowhere.invalid cannot be used: ")


def test_a_file_that_is_not_there(said: Said, file: Path):
    assert said("--config", file) == f"harness: the file of proxies {file} cannot be read: No such file or directory\n"


@pytest.mark.parametrize("text", ["[{", '[{"name":"a"}]'], ids=["no JSON", "no proxy"])
def test_a_file_that_is_no_list_of_proxies(said: Said, file: Path, text: str):
    file.write_text(text)
    complaint = said("--port", 0, "--config", file)
    assert complaint.startswith("harness: the file of proxies: ")
    assert complaint.endswith("it is a list as POST /populate takes it, with name, listen and upstream of each\n")
