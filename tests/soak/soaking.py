"""Round after round in one run, with what the recorder and Toxiproxy hold after each of them."""

import msgspec

from harness.clock import now
from harness.run import Run
from harness.warden import running_in
from tests.soak.growth import Noise, Sample, growth, process, rested
from tests.soak.rounds import Round, soaked

NOISE = {"recorder": Noise(megabytes=4), "toxiproxy": Noise(megabytes=12, threads=4, descriptors=2)}
"""Go's collector and scheduler keep what they once needed."""


class Report(msgspec.Struct, kw_only=True):
    """The whole of latest.json."""

    schema: int = 1
    started: str = ""
    seconds: float = 0.0
    rounds: int
    connections: int
    messages: int
    conclusions: dict[str, int]
    faults: dict[str, int]
    problems: list[str]
    growth: list[str]
    samples: dict[str, list[Sample]]


class Soak:
    """Rounds in this run; `report` says what they came to."""

    def __init__(self, run: Run, visits: int) -> None:
        self._run = run
        self._visits = visits
        self._began = now()
        self._rounds: list[Round] = []
        self._samples: dict[str, list[Sample]] = {name: [] for name in NOISE}

    def play(self) -> Round:
        """Play the next round."""
        one = soaked(self._run, len(self._rounds), self._visits)
        self._rounds.append(one)
        for name, pid in self._processes().items():
            self._samples[name].append(rested(pid, now() - self._began))
        return one

    def report(self) -> Report:
        """Return what all rounds so far came to."""
        names = [name for one in self._rounds for name in one.faults]
        conclusions = [one.conclusion for one in self._rounds]
        return Report(
            seconds=round(now() - self._began, 1),
            rounds=len(self._rounds),
            connections=sum(one.connections for one in self._rounds),
            messages=sum(one.messages for one in self._rounds),
            conclusions={word: conclusions.count(word) for word in dict.fromkeys(conclusions)},
            faults={name: names.count(name) for name in sorted(set(names))},
            problems=[f"round {n}: {problem}" for n, one in enumerate(self._rounds) for problem in one.problems],
            growth=[line for name, taken in self._samples.items() for line in growth(name, taken, NOISE[name])],
            samples=self._samples,
        )

    def _processes(self) -> dict[str, int]:
        return {
            "recorder": process("harness.recorder", of=running_in(self._run.warden.run_id)),
            "toxiproxy": process("toxiproxy", str(self._run.stack.toxiproxy.port)),
        }
