"""The user's cache as the package sees it: how a tool gets there whole or not at all. Nothing is fetched here."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.errors import StackError
from harness.stack import bootstrap

Progress = Callable[[str], None]


def folder() -> Path:
    """Return the cache folder, made if it was missing; StackError where it is a file or cannot be written to."""
    with mended():
        return bootstrap.cache_folder()


def uv() -> Path:
    """Return the private uv, installed if it was missing; StackError where it cannot be had."""
    with mended():
        return bootstrap.private_uv(folder())


@contextlib.contextmanager
def mended() -> Iterator[None]:
    """Turn what set-up cannot do into StackError: within the package there is one tree of errors."""
    try:
        yield
    except bootstrap.SetupError as error:
        raise StackError(str(error)) from None


def placed(name: str, whole: str, make: Callable[[Path, Path], Path], waiting: Progress) -> Path:
    """Return folder `name` of the cache, which has the path `whole` in it, made if it was missing.

    `make(work, half)` fills `half`, a new folder beside its place, and returns it when it was seen to work; it is then renamed.
    `work` is kept when `make` fails or is interrupted, so that a second try can go on where the first stopped. Two processes
    that want the same folder make it once.
    """
    cache = folder()
    final = cache / name
    if (final / whole).exists():
        return final
    with bootstrap.alone(cache, name, waiting):
        if not (final / whole).exists():
            work, half = cache / "work" / name, cache / "work" / f"{name}.half"
            for old in (half, final):
                bootstrap.remove(old)
            work.mkdir(parents=True, exist_ok=True)
            half.mkdir()
            make(work, half).rename(final)
            bootstrap.remove(work)
    return final
