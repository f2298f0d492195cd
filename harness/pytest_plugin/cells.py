"""Scenarios that are told for every pair: which cell of which matrix a test is, and which cells are told on every run."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

WHOLE = "whole"


def cell_of(item: pytest.Item) -> dict[str, str]:
    """Return a test's place in a matrix: what it is in each respect, by its name, rows first; empty where it is no cell.

    It is one where its marker names no variant, and it has two parameters or more which are all a text, a number or a service; or
    where the variant itself is a pair, "3.4.2 x 3.1.1".
    """
    from harness.report.matrix import TIMES

    marker = item.get_closest_marker("scenario")
    if marker is None:
        return {}
    parameters: Mapping[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    variant = marker.args[1] if len(marker.args) > 1 else marker.kwargs.get("variant")
    if variant is not None:
        parts = str(variant).split(TIMES)
        names = list(parameters) if len(parameters) == len(parts) else ["row", "column", *map(str, range(3, len(parts) + 1))]
        return dict(zip(names, parts, strict=False)) if len(parts) > 1 else {}
    texts = {name: text for name, value in parameters.items() if (text := _text(value))}
    return texts if len(texts) == len(parameters) > 1 else {}


def _text(value: object) -> str:
    from harness.services import Service

    if isinstance(value, Service):
        return value.version or str(value)
    return str(value) if isinstance(value, str | int | float) else ""


def choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cells that are not told on every run, as their marker's `always` says; one that was named is told."""
    if any("[" in str(argument) for argument in config.args):
        return
    rare = [item for item in items if told_always(item) is False]
    if rare:
        items[:] = [item for item in items if item not in rare]
        config.hook.pytest_deselected(items=rare)


def told_always(item: pytest.Item) -> bool | None:
    """Whether a test is among the cells that its marker's `always` names; None where that is not said."""
    marker = item.get_closest_marker("scenario")
    always: Iterable[object] | None = None if marker is None else marker.kwargs.get("always")
    return None if always is None else tuple(cell_of(item).values()) in {_parts(one) for one in always}


def _parts(one: object) -> tuple[str, ...]:
    return tuple(map(_text, one)) if isinstance(one, Iterable) and not isinstance(one, str) else (_text(one),)


def sources(item: pytest.Item) -> tuple[Path, ...]:
    """Return the files a test is told in: its own and each conftest.py above it, up to pytest's root."""
    folders = [folder for folder in item.path.parents if folder.is_relative_to(item.config.rootpath)]
    return (item.path, *(path for folder in folders if (path := folder / "conftest.py").is_file()))
