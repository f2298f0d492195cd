"""What `effect=` may name."""

import pytest

from harness.errors import UsageError
from harness.sandbox.effects import named
from harness.sandbox.sandbox import Sandbox


def test_an_effect_is_one_place_all_of_a_sequence_or_either_of_two(sandbox: Sandbox):
    tcs, backup, third = (sandbox.http(name) for name in ("tcs", "backup", "third"))
    requests = sandbox.aws.queue("requests")
    assert named(None) == ()
    assert named(tcs) == (("tcs",),)
    assert named([tcs, requests]) == (("tcs",), ("requests",))
    assert named(tcs | backup) == (("tcs", "backup"),)
    assert named([tcs | backup | third, requests]) == (("tcs", "backup", "third"), ("requests",))


def test_what_is_no_place_is_refused():
    with pytest.raises(UsageError, match="effect='tcs' is neither a resource nor a queue"):
        named(["tcs"])  # type: ignore[list-item]
