"""A journal of a million events, and how long its six verdicts take: `python tests/bench/long_journal.py [EVENTS]`.

Prints seconds and peak resident memory of a fresh process that reads the file and judges it. Not a test: the figure depends on
the machine.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time  # noqa: TID251 (measures a process of its own from outside the package's clock)
from pathlib import Path

HEADER = {"schema": 1, "sandbox": "s1", "scenario": "bench", "variant": "as fixed", "started": "2026-11-21T00:00:00Z"}
WORLD = (
    {"what": "queue", "name": "dlq", "broker": "rabbitmq", "role": "dead-letter"},
    {"what": "queue", "name": "q", "broker": "rabbitmq", "effects": [["place"]], "dead_letter": "dlq"},
    {"what": "resource", "name": "place", "kind": "http"},
    {"what": "alarms", "name": "alarms"},
    {"what": "service", "name": "svc"},
)
BROKER, PLACE = "svc->rabbitmq", "svc->place"
PER_MESSAGE = 11
ORDER = (
    *("n", "t", "kind", "at", "link", "conn", "x", "wire", "service", "queue", "key", "mid", "tag", "how", "ok", "status"),
    *("delay", "count", "redelivered", "fault", "size", "digest", "body", "attributes", "headers", "data"),
)
"""The fields as a recorder writes them."""


def write(path: Path, events: int) -> None:
    """Write a journal of about so many events: every hundredth message is requeued twice in an outage, the rest are plain."""
    with path.open("w") as file:
        file.write(json.dumps(HEADER) + "\n")
        number = 0
        for number, declaration in enumerate(WORLD, start=1):
            _line(file, {"n": number, "kind": "declared", "data": declaration})
        outage = {"kind": "fault", "fault": "f1", "data": {"fault": "outage", "link": PLACE, "call": "1"}}
        for message in range(events // PER_MESSAGE):
            if message in (100, 5_000):
                number += 1
                _line(file, {"n": number, "t": message * 0.01, **outage, "how": "began" if message == 100 else "ended"})
            for event in _message(message, bad=message % 100 == 0 and message < 5_000):
                number += 1
                _line(file, {"n": number, "t": round(message * 0.01, 3), **event})
        end = events * 0.01
        for kind in (
            {"kind": "drained", "how": "quiet"},
            {"kind": "closing"},
            *({"kind": "scanned", "queue": q} for q in ("q", "dlq")),
        ):
            number += 1
            _line(file, {"n": number, "t": end, **kind})


def _line(file, event):
    ordered = {name: event[name] for name in ORDER if name in event}
    file.write(json.dumps(ordered, separators=(",", ":")) + "\n")


def _message(message, *, bad):
    key, body = f"placement-{message}", {"body": json.dumps({"placementId": message}), "size": 24, "digest": "0123456789abcdef"}
    sent = {"queue": "q", "key": key, "wire": "Basic.Publish"}
    yield {"kind": "attempted", **sent, **body, "data": {"ends": "effected"}}
    yield {"kind": "acknowledged", **sent}
    for tries in range(3 if bad else 1):
        at = {"link": BROKER, "conn": 1, "queue": "q", "key": key, "tag": f"1:{message * 3 + tries}"}
        for seat in ("far", "near"):
            yield {"kind": "delivered", "at": seat, **at, **body, "wire": "Basic.Deliver", "redelivered": tries > 0}
        if tries == 2 or not bad:
            yield from _posted(key, message)
        for seat in ("near", "far"):
            yield {"kind": "settled", "at": seat, "how": "ack" if tries == 2 or not bad else "requeue", **at}


def _posted(key, x):
    call = {"link": PLACE, "conn": 1, "x": x, "key": key, "wire": "POST"}
    yield {"kind": "requested", "at": "near", **call, "data": {"path": "/api/placements"}}
    yield {"kind": "requested", "at": "resource", **call, "data": {"path": "/api/placements"}}
    yield {"kind": "effected", "at": "resource", **call, "data": {"count": 1}}
    yield {"kind": "answered", "at": "resource", **call, "status": 200}
    yield {"kind": "answered", "at": "near", **call, "status": 200}


def judge(path: Path) -> dict[str, object]:
    """Judge all six promises; return seconds, peak MiB and the verdicts."""
    from harness.checks import accounted, effected_once, nothing_dead_lettered, paced, recovered, signalled  # noqa: PLC0415
    from harness.history import History  # noqa: PLC0415

    started = time.perf_counter()
    history = History(path)
    promises = [accounted(history), effected_once(history), nothing_dead_lettered(history), paced(history)]
    promises += [recovered(history, within=60), signalled(history, within=300)]
    words = {verdict.check: verdict.conclusion for verdict in promises}
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"events": history.ledger().events, "seconds": round(seconds, 3), "peak_mib": round(peak, 1), "verdicts": words}


def measure(events: int) -> dict[str, object]:
    """Write such a journal and judge it in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.jsonl"
        write(path, events)
        answer = subprocess.run([sys.executable, __file__, "--judge", str(path)], check=True, capture_output=True, text=True)
    found: dict[str, object] = json.loads(answer.stdout)
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--judge"]:
        print(json.dumps(judge(Path(sys.argv[2]))))  # noqa: T201 (a program for people)
    else:
        print(json.dumps(measure(int(sys.argv[1]) if sys.argv[1:] else 1_000_000), indent=1))  # noqa: T201 (a program for people)
