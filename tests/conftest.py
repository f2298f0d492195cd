import pytest

from harness.stack import Stack


@pytest.fixture(scope="session")
def addresses(stack: Stack) -> dict[str, str]:
    """The variables by which a pytest of its own uses the stack of this test run."""
    return {**stack.environment(), "HARNESS_STACK": "external"}
