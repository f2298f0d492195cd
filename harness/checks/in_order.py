"""Messages of one group take effect in the order in which they were sent, one at a time, and none is left out.

A queue's `group=` says which messages belong together, whatever MessageGroupId was sent; without it that does. That one was sent
before another is sure where the broker had taken it before the other was begun, or both came on one connection. On RabbitMQ a
queue is one group, and only the order of effects is looked at: its consumers have several at a time.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from harness.checks.ends import Ends
from harness.checks.findings import Findings
from harness.history.ledger import Ledger
from harness.history.obligations import NEVER, Obligation
from harness.history.world import Queue

LABELS = ("effect_inversion", "group_concurrency", "gap")


class Member(NamedTuple):
    """A message of a group: when it was sent and accepted, its first effect, its deliveries; `dead` since which event."""

    key: str
    obligation: Obligation | None
    begun: float
    accepted: float
    sender: float
    effect_n: float
    effect_t: float
    held: tuple[tuple[float, float, float, float], ...]
    dead: float = NEVER


def judge(ledger: Ledger) -> Findings:
    """Look at the members of every group that has several."""
    findings = Findings()
    ends = Ends(ledger)
    for queue in ledger.world.judged():
        for name, members in _groups(ledger, queue, ends).items():
            ordered = sorted(members, key=lambda one: one.begun)
            if any(_before(one, other) for one, other in pairwise(ordered)):
                _group(ledger, queue, name, ordered, findings)
    return findings


def _group(ledger: Ledger, queue: Queue, name: str, members: list[Member], findings: Findings) -> None:
    findings.premises += len(members)
    findings.ground("effect_inversion", cases=len(members))
    for one in members:
        if one.obligation is not None:
            findings.tainted = findings.tainted or ledger.tainted(one.obligation)
    inverted = _inverted(ledger, queue, members, findings)
    if not name:
        return
    _gaps(ledger, queue, members, findings)
    if queue.declaration.fifo:
        findings.ground("group_concurrency", cases=len(members))
        if not inverted:  # else it is what led to that
            _concurrent(ledger, queue, members, findings)


def _inverted(ledger: Ledger, queue: Queue, members: list[Member], findings: Findings) -> bool:
    """Find each message that took effect after one that was sent later."""
    found = False
    last: Member | None = None
    same: dict[float, Member] = {}
    for one in sorted((one for one in members if one.effect_n != NEVER), key=lambda one: one.effect_n):
        ahead = [other for other in (last, same.get(one.sender)) if other is not None and _before(one, other)]
        if ahead:
            found = True
            said = f"took effect {one.effect_t - ahead[0].effect_t:.2f} s after {ahead[0].key}, which was sent later"
            _add("effect_inversion", ledger, queue, (one, ahead[0]), findings, n=one.effect_n, t=one.effect_t, said=said)
        last = one if last is None or one.begun > last.begun else last
        if one.sender and (one.sender not in same or one.begun > same[one.sender].begun):
            same[one.sender] = one
    return found


def _gaps(ledger: Ledger, queue: Queue, members: list[Member], findings: Findings) -> None:
    """Find each dead letter after which later messages of its group had their effect."""
    for place, one in enumerate(members):
        if one.dead == NEVER:
            continue
        later = [other for other in members[place + 1 :] if _before(one, other)]
        findings.ground("gap", cases=bool(later))
        after = [other for other in later if one.dead < other.effect_n < NEVER]
        if after:
            said = f"dead-lettered, and {after[0].key}, which was sent later, took effect all the same"
            _add("gap", ledger, queue, (one, after[0]), findings, n=after[0].effect_n, t=after[0].effect_t, said=said)


def _concurrent(ledger: Ledger, queue: Queue, members: list[Member], findings: Findings) -> None:
    """Find each message that was handed out while another of its group was: not both in one receive."""
    held = sorted((*one, member) for member in members for one in member.held)
    open_: list[tuple[float, float, float, float, Member]] = []
    for since, until, batch, n, member in held:
        open_ = [one for one in open_ if one[1] > since]
        other = next((one[4] for one in open_ if one[2] != batch and one[4] is not member), None)
        if other is not None:
            said = f"handed out while {other.key} of its group was being worked on"
            _add("group_concurrency", ledger, queue, (member, other), findings, n=n, t=since, said=said)
        open_.append((since, until, batch, n, member))


def _before(one: Member, other: Member) -> bool:
    """Tell whether the one must have been sent before the other."""
    if one.begun < other.begun and one.sender == other.sender != 0:
        return True
    return 0 < one.accepted < other.begun


def _add(
    label: str, ledger: Ledger, queue: Queue, pair: tuple[Member, Member], findings: Findings, *, n: float, t: float, said: str
) -> None:
    one, other = pair
    tainted = any(ledger.tainted(each.obligation) for each in pair if each.obligation is not None)
    events = tuple(int(each) for each in (one.begun, one.effect_n, other.begun, other.effect_n, n) if 0 < each < NEVER)
    findings.case(label, one.key, queue.name, sure=not tainted, n=int(n), t=t, events=events, said=said)


def _groups(ledger: Ledger, queue: Queue, ends: Ends) -> Mapping[str, list[Member]]:
    """Return the members of each group; on RabbitMQ without a name for it, on SQS only where there is one."""
    groups: dict[str, list[Member]] = {}
    for member in _members(ledger, queue, ends):
        name = _group_of(queue, member.key)
        if name or not queue.sqs:
            groups.setdefault(name, []).append(member)
    return groups


def _group_of(queue: Queue, key: str) -> str:
    for groups in (queue.belongs, queue.groups):
        if key in groups:
            return groups[key]
    return key.rpartition("@")[0] if queue.declaration.version else ""


def _members(ledger: Ledger, queue: Queue, ends: Ends) -> Iterator[Member]:
    for one in queue.finished.plain():
        held = ((one.delivered_t, min(one.let_go_t, one.lo), one.batch, one.delivered_n),)
        effect = (one.effect_n or one.acked_n, one.effect_t or one.acked_t)
        yield Member(one.key, None, one.sent_n, one.accepted_n, one.sender, *effect, held=held)
    for obligation in queue.obligations.values():
        if obligation.ends == "effected" and obligation.sent and obligation.tries <= 1:
            yield _member(ledger, obligation, ends)


def _member(ledger: Ledger, obligation: Obligation, ends: Ends) -> Member:
    held = tuple(
        (one.far_t, min(one.let_go_t or NEVER, one.lo), one.batch, one.far_n) for one in obligation.deliveries if one.far_n
    )
    dead = obligation.rejected or obligation.last_delivery
    gone = ends.of(obligation).dead or obligation.parked
    return Member(
        obligation.key,
        obligation,
        obligation.sent_n,
        obligation.accepted_n,
        obligation.sender,
        *_effect(ledger, obligation),
        held=held,
        dead=dead[0] if gone and dead is not None else NEVER,
    )


def _effect(ledger: Ledger, obligation: Obligation) -> tuple[float, float]:
    """Return event and second of its first effect; where none is due, of its acknowledgement."""
    if not obligation.queue.sets:
        return obligation.acked or (NEVER, NEVER)
    effects = [(one.n, one.t) for group in ledger.effects(obligation) for one in group]
    return min(effects, default=(NEVER, NEVER))
