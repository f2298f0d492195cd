"""A Docker daemon that is not there, and a service that needs it."""

from pathlib import Path

import pytest

from harness.engine import daemon
from harness.errors import MissingToolError
from harness.services import Service
from harness.services.build import require

NOWHERE = r"no Docker daemon answers \(.*No such file or directory.*\); start one this user may talk to"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")


@pytest.mark.usefixtures("nowhere")
def test_a_service_in_a_container_is_a_skip_that_names_docker():
    with pytest.raises(MissingToolError, match=rf"^billing needs docker for its container: {NOWHERE}, or leave these"):
        require(Service("billing", image="billing:1.4"))


@pytest.mark.parametrize(("said", "told"), [("one\n  line", "one line"), ("x" * 1000, "x" * 300)], ids=["two lines", "long"])
def test_what_docker_says_is_told_in_one_line(said: str, told: str):
    assert daemon.first(OSError(said)) == told
