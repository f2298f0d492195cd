"""One injected fault as a stretch of time: when it was on, on what, and what it did. What counts as a bite is in `bites`."""

import re


class Interval:
    """One injected fault: when it was on, on what, and what it did (`bites`)."""

    __slots__ = (
        "began", "began_n", "bites", "call", "code", "ended", "failed", "held", "ident", "link", "name", "ruled", "seconds",
        "settled", "victim",
    )  # fmt: skip

    def __init__(self, ident: str, data: dict[str, object]) -> None:
        self.ident = ident
        self.name = str(data.get("fault", "fault"))
        self.link = str(data.get("link") or "")
        self.victim = str(data.get("victim") or "")
        self.code = str(data.get("code", ""))
        self.call = str(data.get("call", ident))
        self.seconds = _seconds(self.code)
        self.began: float | None = None
        self.began_n = 0
        self.ended: float | None = None
        self.failed = ""
        self.bites = 0
        self.held = 0
        self.settled = 0
        self.ruled = False
        """Whether it is a rule of the taps, which tell of each of its bites themselves."""

    @property
    def on(self) -> bool:
        """Whether it has begun and not ended."""
        return self.began is not None and self.ended is None

    @property
    def once(self) -> bool:
        """Whether it is over when it has happened."""
        return self.name == "reset" and "lasts=" not in self.code

    @property
    def over(self) -> float:
        """When it ended; when it began, where it never ended: a condition that the service has to live with from then on."""
        return self.ended if self.ended is not None else self.began or 0.0

    def __str__(self) -> str:
        return f"{self.name} of {self.victim}" if self.victim else f"{self.name} on {self.link}"


def _seconds(code: str) -> float:
    """Read `seconds=` from the code of a fault, the only place of a journal where its settings stand."""
    found = re.search(r"\bseconds=([0-9.]+)", code)
    return float(found.group(1)) if found else 0.0
