"""Messages are on the wire as their queue's contract says: attributes (headers), their types, group and body.

A contract is an AsyncAPI message object: JSON Schema in `headers` and `payload`; `x-sqs-dataType` beside a header is the type of
the attribute on SQS, `x-sqs-message.groupId` a schema of the group. Each message is looked at as it was sent, read again from the
journal, which keeps the first KiB of a body: of a longer one it is not known whether it conforms.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.checks.findings import Findings
from harness.history.events import Event
from harness.history.ledger import Ledger
from harness.history.world import Queue
from harness.model import Key

LABELS = ("unexpected_attribute", "missing_attribute", "wrong_type", "wrong_group", "wrong_body")
OF_ATTRIBUTES = {"additionalProperties": "unexpected_attribute", "required": "missing_attribute", "None": "unexpected_attribute"}


def judge(ledger: Ledger) -> Findings:
    """Compare every message of every queue that has a contract with it."""
    findings = Findings()
    queues = {queue.name: queue for queue in ledger.world.queues.values() if queue.declaration.contract is not None}
    seen: set[tuple[str, str]] = set()
    for event in ledger.whole() if queues else ():
        queue = queues.get(event.queue)
        if queue is None or not _is_message(event, first=(event.queue, event.key) not in seen):
            continue
        seen.add((event.queue, event.key))
        _message(ledger, queue, event, findings)
    return findings


def _is_message(event: Event, *, first: bool) -> bool:
    """Tell whether this is a message as it was sent: to the queue itself, or seen only as it came out of it."""
    if event.kind == "delivered":
        return event.at == "far" and first
    data = event.data or {}
    return event.kind == "attempted" and event.at != "near" and event.wire != "told" and "redriven" not in data


def _message(ledger: Ledger, queue: Queue, event: Event, findings: Findings) -> None:
    contract: Mapping[str, Any] = queue.declaration.contract or {}
    findings.premises += 1
    for name, labels in (("headers", LABELS[:3]), ("payload", ("wrong_body",))):
        findings.ground(*(labels if name in contract else ()))
    obligation = queue.find(event.key)
    tainted = ledger.tainted(obligation) if obligation is not None else ""
    findings.tainted = findings.tainted or tainted
    whole = event.size <= len(event.body.encode())
    if not whole and "payload" in contract:
        findings.unknown = f"the journal keeps 1 KiB of a body, and {event.key} in {queue.name} has {event.size} bytes"
    found = [*_attributes(contract, event), *_group(queue, contract, event, findings), *(_body(contract, event) if whole else ())]
    for label, said in dict(reversed(found)).items():  # the first of each kind
        events, sure = (event.n,), not tainted
        findings.case(label, event.key, queue.name, sure=sure, n=event.n, t=event.t, events=events, said=f"sent {said}")


def _attributes(contract: Mapping[str, Any], event: Event) -> Iterator[tuple[str, str]]:
    if "headers" not in contract:
        return
    types = {name: kind for name, (kind, _) in (event.attributes or {}).items()}
    for error in _errors(contract["headers"], _values(event)):
        inside = error.absolute_path and error.validator is not None  # False is the schema of what must not be there
        label = "wrong_type" if inside else OF_ATTRIBUTES.get(str(error.validator), "wrong_type")
        yield label, f"with attributes of which {error.message}"
    for name, wanted in _data_types(contract["headers"]):
        if types.get(name, wanted) != wanted:
            yield "wrong_type", f"with attribute {name} of type {types[name]}, and not {wanted}"


def _data_types(schema: object) -> Iterator[tuple[str, str]]:
    """Yield the types that attributes have to have on SQS; a schema can also be plain true or false."""
    properties = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    for name, one in properties.items():
        if isinstance(one, Mapping) and "x-sqs-dataType" in one:
            yield name, str(one["x-sqs-dataType"])


def _values(event: Event) -> Mapping[str, object]:
    """Return attributes, or headers, as values: numbers as numbers."""
    if event.attributes is None:
        return {name: value for name, value in (event.headers or {}).items() if not name.startswith("x-")}
    return {name: _number(value) if kind.startswith("Number") else value for name, (kind, value) in event.attributes.items()}


def _number(text: str) -> object:
    try:
        return float(text) if "." in text else int(text)
    except ValueError:
        return text


def _group(queue: Queue, contract: Mapping[str, Any], event: Event, findings: Findings) -> Iterator[tuple[str, str]]:
    """Compare the group on the wire with the place where the queue was declared to have it, and with its schema."""
    sent = (event.data or {}).get("group")
    place, schema = queue.declaration.group, contract.get("x-sqs-message", {}).get("groupId")
    wanted = Key(place).find(event.body) if place else queue.groups.get(event.key) if event.at == "harness" else None
    if not queue.declaration.fifo or (wanted is None and schema is None):
        return
    findings.ground("wrong_group")
    if wanted is not None and sent != wanted:
        yield "wrong_group", f"in group {sent}, and not {wanted}"
    for error in _errors(schema, sent) if schema is not None else ():
        yield "wrong_group", f"in a group of which {error.message}"


def _body(contract: Mapping[str, Any], event: Event) -> Iterator[tuple[str, str]]:
    if "payload" not in contract:
        return
    try:
        body = json.loads(event.body)
    except ValueError:
        yield "wrong_body", "with a body that is no JSON"
        return
    for error in _errors(contract["payload"], body):
        yield "wrong_body", f"with a body of which {error.message}"


def _errors(schema: Mapping[str, Any], instance: object) -> Iterator[Any]:
    from jsonschema import Draft7Validator  # noqa: PLC0415 (only runs with a contract pay for it)

    yield from Draft7Validator(schema).iter_errors(instance)
