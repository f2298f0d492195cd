"""Contracts as a scenario gives them: values and files, what is refused, and one held against real messages."""

import json

import pytest

from harness.checks import conforms, require
from harness.errors import UsageError
from harness.sandbox.contracts import contract
from harness.sandbox.sandbox import Sandbox

ASYNCAPI = """
name: ProfileCreated
headers:
  type: object
  properties: {contentType: {type: string, x-sqs-dataType: String}}
  additionalProperties: false
payload: {type: object, required: [id]}
x-sqs-message: {groupId: {minLength: 1}}
"""
REFUSED = {
    "neither payload nor headers": (
        {"name": "x"},
        r"contract=\{...\} of queue 'q': a contract has a JSON Schema in payload",
    ),
    "no mapping": ([], "a contract has a JSON Schema in payload, headers or both"),
    "a word that is none of it": ({"payload": {}, "body": {}}, "body is nothing of an AsyncAPI message object"),
    "no schema": ({"payload": {"type": "objekt"}}, "its payload is no JSON Schema: 'objekt' is not"),
}


def test_a_file_is_read_as_yaml_or_json(tmp_path):
    yaml, plain = tmp_path / "c.yaml", tmp_path / "c.json"
    yaml.write_text(ASYNCAPI)
    plain.write_text(json.dumps(contract("q", yaml)))

    assert contract("q", str(plain)) == contract("q", yaml)
    assert contract("q", None) is None


@pytest.mark.parametrize(("given", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_contract_is_refused(given, why):
    with pytest.raises(UsageError, match=why):
        contract("q", given)


@pytest.mark.parametrize("text", [None, "a: b: c"], ids=["no file", "no YAML"])
def test_what_cannot_be_read_is_refused(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text or "")
    missing = path if text else tmp_path / "missing.yaml"
    with pytest.raises(UsageError, match=r"contract='.*\.yaml' of queue 'q' cannot be read: "):
        contract("q", missing)


def test_messages_are_held_against_it_on_both_brokers(sandbox: Sandbox):
    said = {"headers": {"properties": {"JavaType": False}}, "payload": {"required": ["id"]}}
    jobs = sandbox.aws.queue("jobs", key="/id", contract=said)
    other = sandbox.rabbitmq.queue("other", key="/id", contract=said)
    jobs.publish([{"id": 1}], attributes={"JavaType": "a.B"})
    jobs.publish([{"id": 2}])
    other.publish([{"id": 3}])
    history = sandbox.drain()

    require(conforms(history).broken_as("unexpected_attribute", only={"1"}))
