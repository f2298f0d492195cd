"""Equal errors come as one notice with their number, not as a flood; notices of different errors are kept apart; none is false.

A notice's kind is what it says of itself (`fingerprint`, `kind`, `error` or `type` in its JSON, or the queue of a depth alarm);
else only its text without numbers is known, and then as many kinds may hide in it as there are kinds of errors. Errors are the
messages that failed for good; their kind is their queue and what their last attempt ended with.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from harness.checks.ends import last_of
from harness.checks.findings import Findings
from harness.checks.nothing_dead_lettered import outages_of
from harness.checks.signalled import failures
from harness.history.causes import attempt_class
from harness.history.journal import Seen
from harness.history.ledger import Ledger
from harness.history.obligations import Obligation

LABELS = ("flood", "miscounted", "merged", "false_alarm")
SAYS_ITS_KIND = ("fingerprint", "kind", "error", "type")
NUMBERS = re.compile(r"\d+")


class Notice(NamedTuple):
    """One notice: of what kind, whether it said so itself, and how many errors it stands for, where it says that."""

    n: int
    t: float
    kind: str
    told: bool
    errors: int | None


def judge(ledger: Ledger, *, window: float, at_most: int = 1) -> Findings:
    """Look at what every alarm sink heard."""
    findings = Findings()
    failed = list(failures(ledger))
    kinds = len({_kind_of(ledger, obligation) for obligation, *_ in failed})
    began = min((_began(obligation) for obligation, *_ in failed), default=None)
    for obligation, *_ in failed:
        findings.tainted = findings.tainted or ledger.tainted(obligation)
    for sink, notices in _by_sink(ledger).items():
        findings.premises += len(notices)
        findings.ground("flood", "false_alarm", cases=len(notices))
        _false(ledger, sink, notices, began, findings)
        _floods(sink, notices, window, (at_most, at_most * max(1, kinds)), findings)
        if all(one.errors is not None for one in notices):
            _counts(sink, notices, (len(failed), kinds), findings, sure=ledger.drained and not findings.tainted)
    return findings


def _false(ledger: Ledger, sink: str, notices: list[Notice], began: float | None, findings: Findings) -> None:
    """Find notices of nothing: before anything began to fail, or where nothing failed for good."""
    for one in notices:
        if began is None or one.t < began:
            what = "nothing failed for good" if began is None else "nothing had failed by then"
            sure = ledger.drained and not findings.tainted
            said = f"a notice came, and {what}"
            findings.case("false_alarm", sink, "", sure=sure, n=one.n, t=one.t, events=(one.n,), said=said)


def _floods(sink: str, notices: list[Notice], window: float, at_most: tuple[int, int], findings: Findings) -> None:
    """Find kinds of which too many came; `at_most` is for those that say what they are, and for those that do not."""
    by_kind: dict[tuple[str, bool], list[Notice]] = {}
    for one in notices:
        by_kind.setdefault((one.kind, one.told), []).append(one)
    for (kind, told), same in by_kind.items():
        allowed = at_most[0] if told else at_most[1]
        most = max((_within(same, place, window) for place in range(len(same))), key=len)
        if len(most) > allowed:
            said = f"{len(most)} notices of one kind within {window:g} s (promised: {allowed}): {kind[:60]}"
            events = tuple(one.n for one in most[:8])
            last = most[allowed]
            findings.case("flood", sink, "", sure=True, n=last.n, t=last.t, events=events, said=said)


def _within(same: list[Notice], place: int, window: float) -> list[Notice]:
    end = place
    while end < len(same) and same[end].t - same[place].t < window:
        end += 1
    return same[place:end]


def _counts(sink: str, notices: list[Notice], errors: tuple[int, int], findings: Findings, *, sure: bool) -> None:
    """Compare what the notices count with what failed, and their kinds with those of the errors."""
    failed, kinds = errors
    total = sum(one.errors or 0 for one in notices)
    findings.ground("miscounted", "merged", cases=len(notices))
    last, events = notices[-1], tuple(one.n for one in notices[:8])
    if total != failed:
        said = f"its notices count {total} errors, and {failed} messages failed for good"
        findings.case("miscounted", sink, "", sure=sure, n=last.n, t=last.t, events=events, said=said)
    elif all(one.told for one in notices) and len({one.kind for one in notices}) < kinds:
        said = f"{len({one.kind for one in notices})} kind(s) of notices stand for {kinds} kinds of errors"
        findings.case("merged", sink, "", sure=sure, n=last.n, t=last.t, events=events, said=said)


def _kind_of(ledger: Ledger, obligation: Obligation) -> tuple[str, str]:
    last = last_of(obligation)
    if last is None:
        return obligation.queue.name, "never delivered"
    status = last.request.status if last.request is not None else None
    return obligation.queue.name, str(status or attempt_class(last, outages_of(ledger, obligation)))


def _began(obligation: Obligation) -> float:
    return obligation.first_delivery[1] if obligation.first_delivery is not None else obligation.sent_t


def _by_sink(ledger: Ledger) -> Mapping[str, list[Notice]]:
    sinks: dict[str, list[Notice]] = {}
    for event in ledger.context:
        if event.kind == "noticed":
            sink = str((event.data or {}).get("sink") or event.link.partition("->")[2])
            sinks.setdefault(sink, []).append(_notice(event))
    return sinks


def _notice(event: Seen) -> Notice:
    data = event.data or {}
    text = str(data.get("text", ""))
    if "queue" in data:
        return Notice(event.n, event.t, f"the depth of {data['queue']}", told=True, errors=None)
    fields = _fields(text)
    kind = next(_said(fields), None)
    count = fields.get("count")
    number = count if isinstance(count, int) else None
    return Notice(event.n, event.t, NUMBERS.sub("#", text) if kind is None else kind, kind is not None, number)


def _said(fields: Mapping[str, object]) -> Iterator[str]:
    return (json.dumps(fields[name]) for name in SAYS_ITS_KIND if fields.get(name))


def _fields(text: str) -> Mapping[str, object]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
