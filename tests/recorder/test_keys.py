"""Where the recorder tells taps to look for keys, also of queues that have none of their own."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from harness.history.events import Header
from harness.recorder.world import RecordedWorld


def keys(tmp_path: Path, *declared: dict[str, Any]) -> list[str | None]:
    async def ask() -> list[str | None]:
        world = RecordedWorld(Header(sandbox="h1", started=""), tmp_path / "journal.jsonl", lambda _, __: None)
        for one in declared:
            world.declare({"what": "queue", "broker": "rabbitmq", **one})
        found = [world.queue_key("rabbitmq", queue) for queue in ("jobs", "dead", "")]
        world.close()
        return [None if key is None else key.spec for key in found]

    return asyncio.run(ask())


JOBS = {"name": "jobs", "key": "/id"}


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ([JOBS, {"name": "dead"}], ["/id", "/id", "/id"]),
        ([JOBS, {"name": "more", "key": "/other"}], ["/id", None, None]),
        ([JOBS, {"name": "elsewhere", "key": "/other", "broker": "aws"}], ["/id", "/id", "/id"]),
        ([{"name": "jobs"}], [None, None, None]),
    ],
    ids=["one-key", "two-keys", "another-broker", "no-key"],
)
def test_a_queue_without_a_key_has_the_one_all_others_agree_on(
    tmp_path: Path, declared: list[dict[str, Any]], expected: list[str | None]
) -> None:
    assert keys(tmp_path, *declared) == expected
