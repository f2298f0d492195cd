"""What services under test may need from the machine, as lines of doctor: nothing here is fetched, and a stack does without."""

from harness.services.runtimes import RUNTIMES, Runtime, does, version
from harness.stack.found import Component


def inspect() -> list[Component]:
    """Return what there is of each runtime."""
    return [_inspected(runtime) for runtime in RUNTIMES]


def _inspected(runtime: Runtime) -> Component:
    program, said = version(runtime)
    if program is not None and does(runtime, said):
        return Component(runtime.name, "found", said, program, needed=False)
    return Component(runtime.name, "missing", said, mend=runtime.mend, needed=False)
