"""The story of one message in lines a person reads: when, where, what; with the faults that were on meanwhile."""

from collections.abc import Callable, Iterable

from harness.history.events import Event

ALWAYS = frozenset({"fault", "exited", "closing", "drained"})


def told(events: Iterable[Event], key: str) -> str:
    """Return the timeline of the message `key`: its events, faults, exits and the run's end. Empty where it has no event."""
    lines, seen = [], False
    for event in events:
        mine = event.key == key
        seen = seen or mine
        if mine or event.kind in ALWAYS:
            lines.append(line(event))
    return "\n".join(lines) if seen else ""


def line(event: Event) -> str:
    """Return one event as one line: number, second, place, sentence."""
    said = SENTENCES.get(event.kind, _plain)(event)
    return f"{event.n:>6} {event.t:>10.3f} s  {_where(event):<28} {said}"


def _where(event: Event) -> str:
    if event.kind == "fault":
        return event.fault
    place = event.link or event.service or event.queue
    return f"{event.at} {place}" if event.at not in {"harness", "resource"} or not place else place


def _plain(event: Event) -> str:
    parts = [event.kind, event.wire, event.how, event.queue, "" if event.status is None else str(event.status)]
    return " ".join(part for part in parts if part)


def _sent(event: Event) -> str:
    to = f" to {event.queue}" if event.queue else ""
    return f"{event.kind} {event.wire or 'send'}{to}"


def _delivered(event: Event) -> str:
    again = ", marked as redelivered" if event.redelivered else ""
    count = f", receive {event.count}" if event.count is not None else ""
    return f"delivered from {event.queue} (tag {event.tag}{count}{again})"


def _settled(event: Event) -> str:
    pause = f" after {event.delay:g} s" if event.delay else ""
    return f"settled: {event.how}{pause} (tag {event.tag})"


def _confirmed(event: Event) -> str:
    return f"the broker {'took' if event.ok is not False else 'did not take'} the settlement (tag {event.tag})"


def _requested(event: Event) -> str:
    whole = "" if event.ok is not False else ", of which only the head arrived"
    parts = ["request", event.wire, str((event.data or {}).get("path", ""))]
    return " ".join(part for part in parts if part) + whole


def _answered(event: Event) -> str:
    return f"answer {'' if event.status is None else event.status} to request {event.x} on connection {event.conn}"


def _fault(event: Event) -> str:
    data = event.data or {}
    return f"{data.get('fault', 'fault')} on {data.get('link') or data.get('victim')} {event.how}"


def _residue(event: Event) -> str:
    return f"found in {event.queue} by the final scan"


SENTENCES: dict[str, Callable[[Event], str]] = {
    "attempted": _sent,
    "acknowledged": _sent,
    "refused": _sent,
    "delivered": _delivered,
    "settled": _settled,
    "confirmed": _confirmed,
    "requested": _requested,
    "answered": _answered,
    "fault": _fault,
    "residue": _residue,
}
