import pytest

from harness.errors import UsageError
from harness.resources import make
from harness.resources.alarms import Alarms
from harness.resources.http import Http


def test_a_resource_is_made_by_its_kind():
    assert isinstance(make("http", "tcs", {"key": "/id"}), Http)
    assert isinstance(make("alarms", "sentry", {}), Alarms)


def test_an_unknown_kind_is_refused():
    with pytest.raises(UsageError, match=r"resource 'db': there is no kind 'postgres'; there are: http, alarms, mailbox"):
        make("postgres", "db", {})
