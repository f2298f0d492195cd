"""What a check found in a ledger, label by label: how many for sure, how many at most, on how much ground, and who shows it."""

from dataclasses import dataclass, field

from harness.history.obligations import Obligation

KEPT_WITNESSES = 32


@dataclass(frozen=True, slots=True)
class Witness:
    """One message that shows a label: when (seconds), at which events, said in half a sentence."""

    message: str
    events: tuple[int, ...]
    t: float
    said: str
    queue: str = ""


@dataclass(slots=True)
class Found:
    """One label: `definite` cases must have happened so, `possible` ones (definite included) may have."""

    definite: int = 0
    possible: int = 0
    broken: set[tuple[str, str]] = field(default_factory=set)
    """Queue and key of each message with a definite case, however many it has."""
    first_n: int = 0
    witnesses: list[Witness] = field(default_factory=list)

    @property
    def keys(self) -> frozenset[str]:
        """The keys of the messages with a definite case, in whichever queue."""
        return frozenset(key for _, key in self.broken)


@dataclass(slots=True)
class Findings:
    """All labels of one check. `premises` counts what the promise was tested on; `grounds` the same for each label by itself."""

    premises: int = 0
    grounds: dict[str, int] = field(default_factory=dict)
    labels: dict[str, Found] = field(default_factory=dict)
    tainted: str = ""
    unknown: str = ""
    measured: str = ""
    """What was measured, in half a sentence, where a number says more than that it was enough."""

    def ground(self, *labels: str, cases: int = 1) -> None:
        """Count cases in which these labels could have shown."""
        for label in labels:
            self.grounds[label] = self.grounds.get(label, 0) + cases

    def add(
        self, label: str, obligation: Obligation, *, sure: bool, n: int, t: float, events: tuple[int, ...], said: str
    ) -> None:
        """Count one case of a label; `n` and `t` are the event by which it was broken."""
        self.case(label, obligation.key, obligation.queue.name, sure=sure, n=n, t=t, events=events, said=said)

    def case(
        self, label: str, name: str, where: str, *, sure: bool, n: int, t: float, events: tuple[int, ...], said: str
    ) -> None:
        """Count one case of a label that shows on something with this name: a message of a queue, a service, a notice."""
        found = self.labels.setdefault(label, Found())
        found.possible += 1
        if sure:
            found.definite += 1
            found.broken.add((where, name))
            found.first_n = min(n, found.first_n or n)
        if len(found.witnesses) < KEPT_WITNESSES:
            shown = tuple(sorted({event for event in events if event}))
            found.witnesses.append(Witness(name, shown, t, said, where))

    @property
    def definite(self) -> int:
        """Cases that must have happened, over all labels."""
        return sum(found.definite for found in self.labels.values())

    @property
    def possible(self) -> int:
        """Cases that may have happened, over all labels."""
        return sum(found.possible for found in self.labels.values())

    def main(self) -> str:
        """Return the label most cases have for sure, the earlier one where two are equal; empty where there is none."""
        definite = {label: found for label, found in self.labels.items() if found.definite}
        return min(definite, key=lambda label: (-definite[label].definite, definite[label].first_n), default="")
