"""A stack in containers that cannot be had: one sentence that names the thing and the mend, and nothing left."""

import re
from pathlib import Path

from tests.docker import images
from tests.docker.test_containers import left
from tests.leaks.killed import victim
from tests.plugin.driven import Done

TEXT = "def test_first(sandbox): pass\n"


def told(folder: Path, **given: str) -> str:
    """Return what is said of a test whose stack cannot be had, and hold that nothing of it is left."""
    with victim(folder, {"HARNESS_STACK": "containers", **given}, TEXT) as one:
        one.await_said("stack: containers, as asked", within=300)
        one.processes()
        status = one.process.wait(300)
    assert status == 1, one.said
    assert one.left_after() == []
    assert left(*one.runs) == 0
    return Done(status, one.said, folder).failure("test_first")


def test_an_image_that_is_nowhere(tmp_path: Path):
    text = told(tmp_path, HARNESS_RABBITMQ_IMAGE="harness-test/nowhere:1")
    assert re.fullmatch(
        r"StackError: the image harness-test/nowhere:1 is not here and cannot be pulled \(.+\);"
        r" set HARNESS_RABBITMQ_IMAGE to one that is, or take --harness-stack=native",
        text,
    )


def test_a_localstack_that_demands_a_licence_token(tmp_path: Path):
    image = images.licensed(made(tmp_path / "image"))
    text = told(tmp_path / "run", HARNESS_LOCALSTACK_IMAGE=image)
    first, *lines = text.splitlines()
    assert first == (
        f"StackError: localstack in its container ({image}) ended during its start (exit code 55); this image demands a licence"
        " token: let HARNESS_LOCALSTACK_IMAGE name one that needs none, as localstack/localstack:4.13.1 does. The end of its log:"
    )
    assert "    License activation failed!" in lines


def test_a_server_that_ends_during_its_start_is_told_with_its_last_lines(tmp_path: Path):
    broken = images.made(made(tmp_path / "image"), "harness-test/broken:1", "a.py", {"a.py": "raise SystemExit('no disk')"})
    text = told(tmp_path / "run", HARNESS_RABBITMQ_IMAGE=broken)
    assert text == (
        "StackError: rabbitmq in its container (harness-test/broken:1) ended during its start (exit code 1); let"
        " HARNESS_RABBITMQ_IMAGE name another image, or take --harness-stack=native. The end of its log:\n    no disk"
    )


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder
