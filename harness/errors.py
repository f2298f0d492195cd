"""What can go wrong, told apart by type: the system under test, the harness, or the question itself.

BaseException
+-- StackLostError            the brokers died: stops a Hypothesis search at once instead of being shrunk
+-- Exception
    +-- AssertionError
    |   +-- Violation         the system broke a promise
    +-- HarnessError          no verdict: the harness or its environment failed (exit code 3)
        +-- UsageError        a call or option that cannot mean anything; names the call that would be right
        +-- StartError        a service died or never became ready
        |   +-- MissingToolError   something that has to be installed is not there
        +-- StackError        a broker could not be provisioned, started or reached
        +-- TimedOutError     a cause was awaited and did not come
        +-- JournalError      a stored journal cannot be read
        +-- InconclusiveError the verdict is unknown or vacuous: never green, never the system's fault (exit code 2)
"""


class Violation(AssertionError):  # noqa: N818 (a promise broken is not an error of the program)
    """The system under test broke a promise; the text is the whole story."""


class HarnessError(Exception):
    """The harness or its environment failed, so there is no verdict."""


class UsageError(HarnessError):
    """A call or an option that cannot mean anything; the text names the one that would be right."""


class StartError(HarnessError):
    """A service under test died, or did not show itself on the wire in time."""


class MissingToolError(StartError):
    """Something that has to be installed is not there; the text says how to get it."""


class StackError(HarnessError):
    """A broker or Toxiproxy could not be provisioned, started or reached."""


class TimedOutError(HarnessError):
    """Something was awaited and did not come: what, for how long in seconds, and what was last seen."""

    def __init__(self, awaited: str, *, within: float, last: object) -> None:
        super().__init__(f"waited {within:g} s for {awaited}; last saw {last}")
        self.awaited = awaited
        self.within = within
        self.last = last

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by its arguments (pytest-xdist sends errors between processes)."""
        return (_timed_out, (self.awaited, self.within, self.last))


def _timed_out(awaited: str, within: float, last: object) -> TimedOutError:
    return TimedOutError(awaited, within=within, last=last)


ELSEWHERE = ", or choose another place with --harness-runs=DIR"


class UnwritableError(HarnessError):
    """A file or folder of a run cannot be written, as on a full disk; `reason` is the system's own word for why."""

    def __init__(self, said: str, reason: str) -> None:
        super().__init__(said)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by its arguments (pytest-xdist sends errors between processes)."""
        return (UnwritableError, (str(self), self.reason))


def unwritable(path: object, error: OSError, elsewhere: str = ELSEWHERE) -> UnwritableError:
    """Return the error of a run that cannot write this file or folder: what, why, and the mend."""
    reason = error.strerror or str(error)
    return UnwritableError(f"{path} cannot be written: {reason.lower()}; make room there{elsewhere}", reason)


class JournalError(HarnessError):
    """A stored journal cannot be read; names file and line."""


class InconclusiveError(HarnessError):
    """The verdict is unknown or vacuous."""


class StackLostError(BaseException):
    """The stack died under a running scenario; a BaseException, so that no search goes on without brokers."""
