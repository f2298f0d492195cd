"""The worlds of the scenarios, taken from the files they stand in: `scenarios` is no package that could be imported."""

import importlib.util
from pathlib import Path
from types import ModuleType

SCENARIOS = Path(__file__).resolve().parents[1] / "scenarios"


def told_in(name: str) -> ModuleType:
    """Return the module of a scenario file, as `told_in("test_esr_placements").momentary_outage`."""
    spec = importlib.util.spec_from_file_location(f"scenarios.{name}", SCENARIOS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
