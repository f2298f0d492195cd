"""What the harness costs by itself: decoding, recording, making a sandbox, draining, judging."""

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from pika import BasicProperties, frame, spec

from harness.clock import now
from harness.history.events import Declaration, Event, Header
from harness.model import Key
from harness.recorder.world import RecordedWorld
from harness.run import Story
from harness.wire import amqp
from harness.wire.rules import RuleBook
from harness.wire.streams import Hold, Note, Sink, Tap
from tests.bench import long_journal
from tests.bench.measures.stage import HOW, Stage, ten_placements
from tests.bench.rows import Row, row

MESSAGES = 4_000
CHUNK = 65_536
MILLION = 1_000_000


class Appending:
    """A sink that keeps what it is given in memory: what is left of recording when nothing is made of it."""

    watched = ()
    receipts = None

    def __init__(self) -> None:
        self.notes: list[Note | Event] = []
        self._key = Key("/id")

    def record(self, event: Event) -> None:
        """Keep the event."""
        self.notes.append(event)

    def note(self, note: Note, size: int) -> None:
        """Keep the note."""
        del size
        self.notes.append(note)

    def later(self, take: Callable[[bytes, float], None], data: bytes, t: float) -> bool:
        """Record now: what is measured is the work, not when it is done."""
        del t
        take(data, 0.5)
        return True

    def settle(self) -> None:
        """Do nothing: nothing is put off here."""

    def pause(self, seconds: float) -> Hold:
        """Return what nobody waits for: no rule is armed here."""
        del seconds
        return Hold(asyncio.get_running_loop())

    def until_disarmed(self, rule_id: str) -> Hold:
        """Return what nobody waits for: no rule is armed here."""
        del rule_id
        return Hold(asyncio.get_running_loop())

    def queue_key(self, broker: Literal["aws", "rabbitmq"], queue: str) -> Key | None:
        """Return the key that every queue has here."""
        del broker, queue
        return self._key

    def queue_group(self, queue: str) -> None:
        """Return nothing: no queue here has groups."""
        del queue

    def resource(self, name: str) -> Declaration | None:
        """Return nothing: there are no resources on AMQP."""
        del name
        return None

    def postbox(self) -> None:
        """Return nothing: no mails are sent on AMQP."""


def delivered() -> list[bytes]:
    """Return what a broker sends with so many deliveries of 200 B, as it would be read from a socket."""
    whole = bytearray()
    for tag in range(1, MESSAGES + 1):
        body = b'{"id": "%d", "padding": "' % tag
        body += b"x" * (198 - len(body)) + b'"}'
        properties = BasicProperties(message_id=f"m{tag}", headers={"type": "Placement", "attempt": 1})
        whole += frame.Method(1, spec.Basic.Deliver("ctag1", tag, exchange="", routing_key="jobs")).marshal()
        whole += frame.Header(1, len(body), properties).marshal() + frame.Body(1, body).marshal()
    return [bytes(whole[at : at + CHUNK]) for at in range(0, len(whole), CHUNK)]


def _pump(sink: Sink, chunks: Sequence[bytes]) -> float:
    session = amqp.session(Tap("svc->rabbitmq", "far", 1, sink, RuleBook(), {}))
    began = _spent()
    for chunk in chunks:
        for _ in session.from_target(chunk):
            pass
    return (_spent() - began) / MESSAGES * 1e6


def _spent() -> float:
    """Return the seconds of processor that this process has had: what others take from the machine is not in it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _recorded(chunks: Sequence[bytes]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        world = RecordedWorld(Header(sandbox="b", started=""), Path(folder) / "journal.jsonl", lambda _watch, _event: None)
        world.declare({"what": "queue", "name": "", "broker": "rabbitmq", "key": "/id"})
        spent = _pump(world, chunks)
        began = _spent()
        world.close()
        return spent + (_spent() - began) / MESSAGES * 1e6


def decode(stage: Stage) -> list[Row]:
    """Target 4: what one small message costs to decode, without sockets."""
    del stage
    chunks = delivered()
    kept, written = [], []
    for _ in range(15):
        kept.append(_pump(Appending(), chunks))
        written.append(asyncio.run(_recorded(chunks)))
    note = "a delivery of 200 B with headers and message id, read 64 KiB at a time, key in the body; processor time"
    return [
        row("amqp.decode.message", kept, unit="us", target=3, note=f"{note}: methods decoded, the rest kept raw, for the event"),
        row("amqp.decode.message_written", written, unit="us", note=f"{note}: decoded, counted, written to a journal"),
    ]


def record(stage: Stage) -> list[Row]:
    """What one event of the harness's own costs the test that records it."""
    rows = []
    for how in HOW:
        world, values = stage.worlds[how], []
        for _ in range(15):
            began = now()
            for _ in range(100):
                world.record(Event(kind="attempted", queue="jobs", key="1", body="x" * 200))
            values.append((now() - began) / 100 * 1e6)
        rows.append(
            row(f"record.{how}", values, unit="us", note=f"an event of the test's own, to a recorder in a {how} and back")
        )
    return rows


def sandbox(stage: Stage) -> list[Row]:
    """Target 7: how long a world of one's own takes to make."""
    vhost, account, whole = [], [], []
    for number in range(16):
        began = now()
        with stage.run.scenario(Story("sandbox", str(number), "bench", "")) as told:
            start = now()
            told.sandbox.rabbitmq.queue("rabbit")
            between = now()
            told.sandbox.aws.queue("sqs")
            end = now()
        whole.append(1e3 * (now() - began))
        vhost.append(1e3 * (between - start))
        account.append(1e3 * (end - between))
    return [
        row("sandbox.vhost", vhost[1:], unit="ms", target=90, note="a new vhost, a connection to it and a queue"),
        row("sandbox.account", account[1:], unit="ms", target=10, note="a new AWS account, a client for it and a queue"),
        row(
            "sandbox.whole", whole[1:], unit="ms", note="both, and all of it given back: journal closed, queues scanned, deleted"
        ),
    ]


def drain(stage: Stage) -> list[Row]:
    """Seconds from the last event on the wire of a scenario that went well to the end of its drain."""
    values = [_drained(stage, number) for number in range(9)]
    note = "esr-writer, 10 placements, nothing wrong: last event on a link until `drained`"
    return [row("drain.after_last_event", values, unit="s", target=1, note=note)]


def _drained(stage: Stage, number: int) -> float:
    with stage.run.scenario(Story("drain", str(number), "bench", "")) as told:
        events = list(ten_placements(told.sandbox).events())
    end = next(event.t for event in events if event.kind == "drained")
    return end - max(event.t for event in events if event.link and event.t < end)


def judging(stage: Stage) -> list[Row]:
    """Target 8: reading and judging a journal from disk, in a process that does nothing else."""
    del stage
    with tempfile.TemporaryDirectory() as folder:
        long, short = Path(folder) / "long.jsonl", Path(folder) / "short.jsonl"
        long_journal.write(long, MILLION)
        long_journal.write(short, MILLION // 10)
        found = list(_judged(long, short))
    note = "six verdicts from a journal of 10^6 events on disk, in a fresh process"
    seconds, peak, growth = ([one[at] for one in found] for at in range(3))
    return [
        row("checker.million_events", seconds, unit="s", target=1.5, stretch=1.0, note=note),
        row("checker.million_events_peak", peak, unit="MiB", target=128, note=f"{note}; resident, the interpreter included"),
        row("checker.million_vs_hundred_thousand", growth, unit="ratio", target=15, note="the time of ten times as many events"),
    ]


def _judged(long: Path, short: Path) -> Iterator[tuple[float, float, float]]:
    for _ in range(9):
        big, small = (_judge(path) for path in (long, short))
        yield big["seconds"], big["peak_mib"], big["seconds"] / small["seconds"]


def _judge(path: Path) -> dict[str, float]:
    command = [sys.executable, long_journal.__file__, "--judge", str(path)]
    answer: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return answer
