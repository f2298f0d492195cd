"""The scripts of the canaries: for every check the events of one message, service or notice that breaks its promise."""

from collections.abc import Callable, Mapping

import msgspec

from harness.history.events import Declaration, Event

KEY = "canary"
QUEUE, DEAD, PLACE, SINK, SERVICE = "canary.queue", "canary.dead", "canary.place", "canary.alarms", "canary-service"
FIFO = "canary.fifo"
LINK, TO = f"{SERVICE}->canary.broker", f"{SERVICE}->{PLACE}"


def world() -> list[Event]:
    """Return the declarations of the things that the scripts are about."""
    things = (
        Declaration(what="queue", name=FIFO, broker="aws", effects=((PLACE,),), visibility_timeout=30.0, fifo=True),
        Declaration(what="queue", name=DEAD, broker="rabbitmq", role="dead-letter"),
        Declaration(what="queue", name=QUEUE, broker="rabbitmq", effects=((PLACE,),), dead_letter=DEAD),
        Declaration(what="resource", name=PLACE, kind="http"),
        Declaration(what="alarms", name=SINK),
        Declaration(what="service", name=SERVICE),
    )
    return [Event(kind="declared", data=msgspec.to_builtins(one)) for one in things]


def _sent(t: float) -> list[Event]:
    return [Event(kind="attempted", t=t, queue=QUEUE, key=KEY), Event(kind="acknowledged", t=t, queue=QUEUE, key=KEY)]


def _handed_out(t: float, tag: int) -> list[Event]:
    return [
        Event(kind="delivered", at="far", t=t, link=LINK, conn=1, tag=f"1:{tag}", queue=QUEUE, key=KEY, redelivered=tag > 1),
        Event(kind="delivered", at="near", t=t, link=LINK, conn=1, tag=f"1:{tag}", queue=QUEUE, key=KEY, redelivered=tag > 1),
    ]


def _let_go(t: float, tag: int, how: str) -> list[Event]:
    common = {"t": t, "link": LINK, "conn": 1, "tag": f"1:{tag}", "queue": QUEUE, "key": KEY, "how": how}
    return [Event(kind="settled", at="near", **common), Event(kind="settled", at="far", **common)]  # type: ignore[arg-type]


def _changed(t: float, x: int) -> list[Event]:
    common = {"t": t, "link": TO, "conn": 1, "x": x, "key": KEY, "wire": "POST"}
    return [
        Event(kind="requested", at="near", **common),  # type: ignore[arg-type]
        Event(kind="requested", at="resource", **common),  # type: ignore[arg-type]
        Event(kind="effected", at="resource", **common),  # type: ignore[arg-type]
        Event(kind="answered", at="resource", status=200, **common),  # type: ignore[arg-type]
        Event(kind="answered", at="near", status=200, **common),  # type: ignore[arg-type]
    ]


def _rejected() -> list[Event]:
    return [*_sent(0.0), *_handed_out(0.1, 1), *_let_go(0.2, 1, "reject")]


def _accounted(arguments: Mapping[str, object]) -> list[Event]:
    """Effected and dead-lettered: seen also in a run that was not drained."""
    del arguments
    end = [Event(kind="residue", t=0.4, queue=DEAD, key=KEY)]
    return [*_sent(0.0), *_handed_out(0.1, 1), *_changed(0.2, 1), *_let_go(0.3, 1, "reject"), *end]


def _classified(arguments: Mapping[str, object]) -> list[Event]:
    """Answered with 400 and given back."""
    del arguments
    refused = [one for one in _changed(0.2, 1) if one.kind != "effected"]
    for one in refused:
        one.status = 400 if one.kind == "answered" else None
    return [*_sent(0.0), *_handed_out(0.1, 1), *refused, *_let_go(0.3, 1, "requeue")]


def _parked(arguments: Mapping[str, object]) -> list[Event]:
    """Given back once more often than is allowed."""
    events = _sent(0.0)
    for tag in range(1, int(str(arguments["attempts"])) + 2):
        events += [*_handed_out(0.1 * tag, tag), *_let_go(0.1 * tag + 0.05, tag, "requeue")]
    return events


def _bundled(arguments: Mapping[str, object]) -> list[Event]:
    """Rung once more often than is allowed, for something that did fail."""
    times = 2 * int(str(arguments.get("at_most", 1))) + 50
    sink = Event(kind="declared", data={"what": "alarms", "name": KEY})
    data: dict[str, object] = {"sink": KEY, "text": '{"kind": "canary"}'}
    rung = [Event(kind="noticed", at="resource", t=0.3, data=data) for _ in range(times)]
    return [sink, *_rejected(), *rung]


def _context_kept(arguments: Mapping[str, object]) -> list[Event]:
    """Found with another body than it was sent with."""
    del arguments
    events = _rejected()
    events[0].size, events[0].body = 1, "a"
    return [*events, Event(kind="residue", t=0.4, queue=DEAD, key=KEY, size=2, body="ab")]


def _conforms(arguments: Mapping[str, object]) -> list[Event]:
    """Send it with an attribute that its queue's contract does not know."""
    del arguments
    contract: dict[str, object] = {"headers": {"additionalProperties": False}}
    queue = Declaration(what="queue", name="canary.contract", broker="rabbitmq", contract=contract)
    event = Event(kind="attempted", queue=queue.name, key=KEY, headers={"canary": "yes"})
    return [Event(kind="declared", data=msgspec.to_builtins(queue)), event]


def _effected_once(arguments: Mapping[str, object]) -> list[Event]:
    del arguments
    return [*_sent(0.0), *_handed_out(0.1, 1), *_changed(0.2, 1), *_changed(0.3, 2), *_let_go(0.4, 1, "ack")]


def _headroom(arguments: Mapping[str, object]) -> list[Event]:
    """Worked on for longer than its visibility timeout, and deleted after it."""
    del arguments
    return [*_received(0.0, KEY, 1), *_changed(0.2, 1), *_deleted(90.0, KEY, 1)]


def _in_order(arguments: Mapping[str, object]) -> list[Event]:
    """Taken after what was sent after it."""
    del arguments
    events = []
    for number, key in enumerate((KEY, "canary-next")):
        events += _received(0.1 * number, key, number + 1)
    later = _changed(1.0, 1)
    for one in later:
        one.key = "canary-next"
    return [*events, *later, *_changed(2.0, 2)]


def _in_doubt_resolved(arguments: Mapping[str, object]) -> list[Event]:
    """Done again after an answer that was lost."""
    del arguments
    lost = [one for one in _changed(0.2, 1) if one.kind != "answered"]
    cut = Event(kind="closed", at="near", t=0.3, link=TO, conn=1, how="rst")
    again = _changed(0.6, 1)
    for one in again:
        one.conn = 2
    return [*_sent(0.0), *_handed_out(0.1, 1), *lost, cut, *_let_go(0.4, 1, "requeue"), *_handed_out(0.5, 2), *again]


def _neighbours_served(arguments: Mapping[str, object]) -> list[Event]:
    """Have it served too late, while another was given back."""
    late = float(str(arguments["within"])) + 1.0
    other = [*_sent(0.0), *_handed_out(0.1, 1), *_let_go(0.2, 1, "requeue"), *_handed_out(0.3, 2), *_let_go(0.4, 2, "requeue")]
    for one in other:
        one.key = "canary-trouble"
    return [*other, *_sent(0.5), *_handed_out(late + 0.6, 3), *_changed(late + 0.7, 1), *_let_go(late + 0.8, 3, "ack")]


def _survived(arguments: Mapping[str, object]) -> list[Event]:
    del arguments
    return [Event(kind="started", t=0.0, service=KEY), Event(kind="exited", t=0.1, service=KEY, status=1)]


def _received(t: float, key: str, x: int) -> list[Event]:
    """Return the events of a message that was sent to the FIFO queue, and received."""
    data: dict[str, object] = {"ends": "effected", "group": "canary"}
    got = {"link": LINK, "conn": 1, "x": x, "tag": f"r{x}", "queue": FIFO, "key": key, "mid": f"canary-{x}"}
    return [
        Event(kind="attempted", t=t, queue=FIFO, key=key, data=data),
        Event(kind="acknowledged", t=t, queue=FIFO, key=key, mid=f"canary-{x}"),
        Event(kind="delivered", at="far", t=t + 0.05, **got),  # type: ignore[arg-type]
        Event(kind="delivered", at="near", t=t + 0.05, **got),  # type: ignore[arg-type]
    ]


def _deleted(t: float, key: str, x: int) -> list[Event]:
    common = {"t": t, "link": LINK, "conn": 1, "x": 100 + x, "tag": f"r{x}", "queue": FIFO, "key": key, "how": "delete"}
    return [
        Event(kind="settled", at="near", **common),  # type: ignore[arg-type]
        Event(kind="settled", at="far", **common),  # type: ignore[arg-type]
        Event(kind="confirmed", at="far", ok=True, **common),  # type: ignore[arg-type]
        Event(kind="confirmed", at="near", ok=True, **common),  # type: ignore[arg-type]
    ]


def _nothing_dead_lettered(arguments: Mapping[str, object]) -> list[Event]:
    del arguments
    return _rejected()


def _paced(arguments: Mapping[str, object]) -> list[Event]:
    """Ten attempts at a pace that no promise allows: far too soon, or at once where a schedule was promised."""
    rate = arguments.get("per_second")
    gap = 0.1 / rate if isinstance(rate, (int, float)) else 0.001
    events = _sent(0.0)
    for tag in range(1, 11):
        events += [*_handed_out(tag * gap, tag), *_let_go(tag * gap, tag, "requeue")]
    return events


def _recovered(arguments: Mapping[str, object]) -> list[Event]:
    within = float(str(arguments["within"]))
    fault: dict[str, object] = {"fault": "outage", "link": TO, "call": "canary"}
    faults = [Event(kind="fault", t=t, how=how, fault=KEY, data=fault) for t, how in ((0.1, "began"), (0.2, "ended"))]
    late = within + 1.0
    return [*_sent(0.0), *faults, *_handed_out(late, 1), *_changed(late, 1), *_let_go(late, 1, "ack")]


def _signalled(arguments: Mapping[str, object]) -> list[Event]:
    del arguments
    return _rejected()


SCRIPTS: Mapping[str, Callable[[Mapping[str, object]], list[Event]]] = {
    "accounted": _accounted,
    "bundled": _bundled,
    "classified": _classified,
    "conforms": _conforms,
    "context_kept": _context_kept,
    "effected_once": _effected_once,
    "headroom": _headroom,
    "in_doubt_resolved": _in_doubt_resolved,
    "in_order": _in_order,
    "neighbours_served": _neighbours_served,
    "nothing_dead_lettered": _nothing_dead_lettered,
    "paced": _paced,
    "parked": _parked,
    "recovered": _recovered,
    "signalled": _signalled,
    "survived": _survived,
}
