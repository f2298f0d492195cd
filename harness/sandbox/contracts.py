"""Contracts of queues as a scenario gives them: an AsyncAPI message object, as a value, or in a file of JSON or YAML."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import UsageError

Contract = Mapping[str, Any] | str | Path
KNOWN = frozenset({"payload", "headers", "name", "title", "summary", "description", "contentType", "tags", "examples"})


def contract(queue: str, given: Contract | None) -> dict[str, Any] | None:
    """Return the contract as plain data, to be kept in the journal.

    Raises UsageError for a file that cannot be read, and for what is no message object with a JSON Schema in payload or headers.
    """
    if given is None:
        return None
    found = _read(queue, given) if isinstance(given, (str, Path)) else given
    if not isinstance(found, Mapping) or not {"payload", "headers"} & found.keys():
        _refuse(queue, given, "a contract has a JSON Schema in payload, headers or both")
    unknown = [name for name in found if name not in KNOWN and not name.startswith("x-")]
    if unknown:
        _refuse(queue, given, f"{unknown[0]} is nothing of an AsyncAPI message object; what is one's own begins with x-")
    for name in ("payload", "headers"):
        _check(queue, given, name, found.get(name, {}))
    return dict(found)


def _read(queue: str, path: str | Path) -> Any:
    import yaml  # noqa: PLC0415 (only needed for contracts in files)

    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        message = f"contract={str(path)!r} of queue {queue!r} cannot be read: {error}"
        raise UsageError(message) from error


def _check(queue: str, given: Contract, name: str, schema: Any) -> None:
    from jsonschema import Draft7Validator, SchemaError  # noqa: PLC0415 (only needed for contracts)

    try:
        Draft7Validator.check_schema(schema)
    except SchemaError as error:
        _refuse(queue, given, f"its {name} is no JSON Schema: {error.message}")


def _refuse(queue: str, given: Contract, why: str) -> None:
    what = repr(str(given)) if isinstance(given, (str, Path)) else "{...}"
    message = f"contract={what} of queue {queue!r}: {why}"
    raise UsageError(message)
