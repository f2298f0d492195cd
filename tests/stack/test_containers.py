"""Why no containers can be had, and which images are asked for; the daemon is a fake, because it has to fail in each way."""

from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import APIError, ImageNotFound

from harness.engine import daemon as engine
from harness.errors import StackError
from harness.stack import containers
from harness.stack.choice import Wanted, choose
from harness.warden import Warden


class FakeDaemon:
    """Answers to a ping, and has these images; others can be pulled if `pulls`."""

    def __init__(self, *images: str, pulls: bool = False) -> None:
        self.images = self
        self._there = images
        self._pulls = pulls

    def ping(self) -> None:
        """Answer."""

    def close(self) -> None:
        """Be asked no more."""

    def get(self, name: str) -> None:
        """Find an image."""
        if name not in self._there:
            raise ImageNotFound(name)

    def pull(self, name: str) -> None:
        """Fetch an image."""
        if not self._pulls:
            message = f"no registry for\n{name}"
            raise APIError(message)


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    def answers(made: FakeDaemon) -> None:
        monkeypatch.setattr(docker, "from_env", lambda: made)

    return answers


def test_a_machine_without_docker_is_told_so_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(engine, "SOCKET", tmp_path / "none")

    assert containers.missing() == ("this machine has no Docker; install it, or set DOCKER_HOST, or take --harness-stack=native")


def test_an_image_that_is_nowhere_to_be_had(daemon: Any):
    daemon(FakeDaemon("localstack/localstack:4.13.1"))

    assert containers.missing() == (
        "the image rabbitmq:4-management is not here and cannot be pulled (no registry for rabbitmq:4-management);"
        " set HARNESS_RABBITMQ_IMAGE to one that is, or take --harness-stack=native"
    )


@pytest.mark.parametrize("pulls", [True, False], ids=["pulled", "there"])
def test_images_that_can_be_had(daemon: Any, *, pulls: bool):
    daemon(FakeDaemon(*(() if pulls else ("localstack/localstack:4.13.1", "rabbitmq:4.3-management")), pulls=pulls))

    assert not containers.missing("4.3")


def test_another_image_can_be_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HARNESS_RABBITMQ_IMAGE", "our/rabbitmq:1")

    assert containers.image_of("rabbitmq", "4.3") == "our/rabbitmq:1"
    assert containers.image_of("localstack", "4.3") == "localstack/localstack:4.13.1"


def test_containers_that_were_asked_for_and_cannot_be_had_are_an_error(daemon: Any, tmp_path: Path):
    daemon(FakeDaemon())
    warden = Warden.start(tmp_path / "run")
    with pytest.raises(StackError, match=r"the image localstack/localstack:4\.13\.1 is not here and cannot be pulled"):
        choose(Wanted("containers"), warden, logs=tmp_path, progress=print, lost=print)
    warden.end()
