from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from harness.errors import StackError
from harness.stack import bootstrap, cache
from tests.stack.programs import private_cache, silent


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return private_cache(tmp_path / "cache", monkeypatch)


def fill(_work: Path, half: Path) -> Path:
    (half / "whole").touch()
    return half


def stopping_at(error: BaseException) -> Callable[[Path, Path], Path]:
    def make(work: Path, half: Path) -> Path:
        (work / "fetched").touch()
        (half / "whole").touch()
        raise error

    return make


def test_a_tool_is_made_once(folder: Path):
    made: list[Path] = []

    def make(work: Path, half: Path) -> Path:
        made.append(half)
        return fill(work, half)

    first = cache.placed("tool", "whole", make, silent)
    second = cache.placed("tool", "whole", make, silent)

    assert len(made) == 1
    assert first == second == folder / "tool"
    assert (first / "whole").exists()
    assert list((folder / "work").iterdir()) == []


@pytest.mark.parametrize("error", [StackError("no network"), KeyboardInterrupt("no network")], ids=["failed", "interrupted"])
def test_what_was_interrupted_looks_like_nothing_and_can_be_gone_on_with(folder: Path, error: BaseException):
    with pytest.raises(type(error), match="no network"):
        cache.placed("tool", "whole", stopping_at(error), silent)
    after = [path.name for path in folder.glob("tool*")]
    resumed: list[bool] = []

    def go_on(work: Path, half: Path) -> Path:
        resumed.append((work / "fetched").exists() and not (half / "whole").exists())
        return fill(work, half)

    cache.placed("tool", "whole", go_on, silent)

    assert after == []
    assert resumed == [True]


def test_a_folder_that_lost_what_makes_it_whole_is_made_anew(folder: Path):
    (folder / "tool").mkdir(parents=True)
    (folder / "tool" / "rest").touch()

    cache.placed("tool", "whole", fill, silent)

    assert [path.name for path in (folder / "tool").iterdir()] == ["whole"]


def test_two_who_want_the_same_tool_make_it_once(folder: Path):
    begun, waited, made = Event(), Event(), []

    def make(work: Path, half: Path) -> Path:
        begun.set()
        waited.wait(60)
        made.append(half)
        return fill(work, half)

    def second() -> Path:
        begun.wait(60)
        return cache.placed("tool", "whole", make, lambda line: waited.set())

    with ThreadPoolExecutor() as pool:
        one, two = pool.submit(cache.placed, "tool", "whole", make, silent), pool.submit(second)

    assert one.result() == two.result() == folder / "tool"
    assert len(made) == 1


def test_a_cache_that_is_a_file_is_an_error_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").touch()
    private_cache(tmp_path / "file", monkeypatch)

    with pytest.raises(StackError, match="is a file"):
        cache.folder()


def test_uv_is_the_one_of_the_lock():
    assert cache.uv() == bootstrap.private_uv(cache.folder())
