"""Options that do not exist, of calls that have many."""

import pytest

from harness import Sandbox
from harness.errors import UsageError
from harness.sandbox.options import told_by_name


@told_by_name
def queue(name: str, *, ttl: float = 0, role: str = "work") -> str:
    return f"{name} {ttl:g} {role}"


def test_what_is_right_is_done():
    assert queue("jobs", ttl=2) == "jobs 2 work"


def test_what_is_almost_right_is_told_with_what_was_meant():
    with pytest.raises(UsageError, match=r"queue\(\.\.\.\): .*'rolle'; its options are ttl=, role=\. Did you mean role=\?$"):
        queue("jobs", rolle="retry")  # type: ignore[call-arg]


def test_what_is_nothing_like_it_is_told_with_what_there_is():
    with pytest.raises(UsageError, match=r"queue\(\.\.\.\): .*'depth'; its options are ttl=, role=$"):
        queue("jobs", depth=3)  # type: ignore[call-arg]


def test_what_is_missing_is_told_too():
    with pytest.raises(UsageError, match=r"queue\(\.\.\.\): missing a required argument: 'name'; its options are ttl=, role=$"):
        queue()  # type: ignore[call-arg]


def test_both_brokers_tell_their_own_options(sandbox: Sandbox):
    with pytest.raises(UsageError, match=r"visibility_timeout=, .*group=, role="):
        sandbox.aws.queue("jobs", ttl=3)  # type: ignore[call-arg]
    with pytest.raises(UsageError, match="kind=, dead_letter=, delivery_limit=, ttl=, role="):
        sandbox.rabbitmq.queue("jobs", visibility_timeout=3)  # type: ignore[call-arg]
