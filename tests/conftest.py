import signal
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, settings

from harness import Sandbox
from harness.history import History
from harness.history.events import Event
from harness.pytest_plugin import SESSION
from harness.run import Story
from harness.stack import Stack
from tests.sandboxes import Tell, telling
from tests.timers.quick import SPEED, Quick

settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no defect
settings.load_profile("here")
# A shell that runs this in the background has it ignore Ctrl-C, and whatever it starts; tests press it.
signal.signal(signal.SIGINT, signal.default_int_handler)
pytest.register_assert_rewrite("tests.clients")  # what is asserted there for several tests is told like what they assert


@pytest.fixture(scope="session")
def addresses(stack: Stack) -> dict[str, str]:
    """The variables by which a pytest of its own uses the stack of this test run."""
    return {**stack.environment(), "HARNESS_STACK": "external"}


@pytest.fixture(scope="module")
def tell(addresses: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tell]:
    """What gives sandboxes in which a scenario is told, as if in a run of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in addresses.items():
            patch.setenv(name, value)
        yield from telling(tmp_path_factory.mktemp("told"))


@pytest.fixture
def quick(stack: Stack, pytestconfig: pytest.Config) -> Quick:
    """What tells a world whose time passes twenty times faster, on servers that all tests of this run share."""
    run = pytestconfig.stash[SESSION].run

    def told(tell: Callable[[Sandbox], None]) -> Sequence[Event]:
        with run.scenario(Story("quick", None, "test", "", speed=SPEED)) as one:
            tell(one.sandbox)
        return list(History(one.journal).events())

    return told
