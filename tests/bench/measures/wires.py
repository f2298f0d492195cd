"""What the taps cost a message on AMQP and on SQS: in latency, idle and beside a busy test thread, and in throughput."""

import contextlib
from collections.abc import Sequence

from tests.bench.measures.stage import HOW, ROADS, Stage, Wire, busy_thread, proxy
from tests.bench.rows import Round, Row, added_ratios, percentile, percentiles, ratios, row, turned

DEFAULT = "process"
"""Where taps run unless told otherwise: beside a busy test a tap in a thread waits for the interpreter at every message."""
ROUNDS = 11
FLOOD = 1_000
DELAYS = {"5ms": 0.005, "50ms": 0.05}
FORWARDERS = ("forwarder", "forwarders")
WHAT = {
    "forwarder": "a loop in Python that waits, reads and writes, and nothing else: the least that a tap costs",
    "forwarders": "such a loop, Toxiproxy, such a loop: the least that a link costs",
    "tap": "one tap, recording",
    "taps": "near and far tap, without Toxiproxy",
    "link": "near tap, Toxiproxy, far tap",
    "amqp": "publish to callback, 512 B, pika",
    "sqs": "send, receive and delete, 440 B, boto3",
}
SIZES = {"amqp": (25, 20), "sqs": (2, 5)}
"""Blocks and their length: what one road gets in one round. The p99 of a hundred messages would be its second worst."""


def rounds_of(stage: Stage, wire: Wire, roads: Sequence[str], *, blocks: int, block: int) -> list[Round]:
    """Return seconds by road, of so many rounds; one round before them warms up."""
    names = [f"{wire} {road}" for road in roads]
    found = [
        stage.load.ask("trips", roads=turned(names, number), blocks=blocks, block=block, rest=0) for number in range(ROUNDS + 1)
    ]
    return [{name.partition(" ")[2]: values for name, values in one.items()} for one in found[1:]]


def compared(stage: Stage, wire: Wire, *, busy: bool) -> tuple[list[Round], list[Row]]:
    """Return the rounds over all roads, and one row a road."""
    roads = stage.amqp if wire == "amqp" else stage.sqs
    blocks, block = SIZES[wire]
    with busy_thread() if busy else contextlib.nullcontext():
        rounds = rounds_of(stage, wire, roads, blocks=blocks, block=block)
    load = "busy" if busy else "idle"
    beside = "; a busy thread in the process of the tests" if busy else ""
    unit, scale = ("us", 1e-6) if wire == "amqp" else ("ms", 1e-3)
    rows = [
        row(f"{wire}.{load}.direct_p50", percentiles(rounds, "direct", unit=scale), unit=unit, note=f"{WHAT[wire]}{beside}"),
        *_road(rounds, f"{wire}.{load}.toxiproxy", "toxiproxy", f"Toxiproxy without toxics and nothing else{beside}"),
    ]
    for road in FORWARDERS:
        rows += _road(rounds, f"{wire}.{load}.{road}", road, f"{WHAT[road]}{beside}")
    for road in ROADS:
        for how in HOW:
            note = f"{WHAT[road]}; taps in a {how}{beside}"
            rows += _road(rounds, f"{wire}.{load}.{road}.{how}", f"{how}.{road}", note)
    return rounds, rows


def _road(rounds: Sequence[Round], name: str, road: str, note: str) -> list[Row]:
    return [
        row(f"{name}.p50_vs_direct", ratios(rounds, road, "direct"), unit="ratio", note=note),
        row(f"{name}.p99_vs_direct", ratios(rounds, road, "direct", share=0.99), unit="ratio", note=note),
    ]


def amqp(stage: Stage) -> list[Row]:
    """Targets 1 and 2, and the comparison behind them."""
    rounds, rows = compared(stage, "amqp", busy=False)
    tap, armed = f"{DEFAULT}.tap", f"{DEFAULT}.armed"
    note = f"512 B, headers and message id, decoded and recorded by one tap in a {DEFAULT}"
    targets = [
        row(
            "amqp.tap.added_p50_vs_toxiproxy", added_ratios(rounds, tap, "toxiproxy", "direct"), unit="ratio", target=0.8,
            stretch=0.6, note=f"{note}; what it adds to direct, against what Toxiproxy adds",
        ),
        row("amqp.tap.p50_vs_direct", ratios(rounds, tap, "direct"), unit="ratio", target=1.35, stretch=1.25, note=note),
        row(
            "amqp.tap.p99_vs_direct", ratios(rounds, armed, "direct", share=0.99), unit="ratio", target=1.2,
            note=f"{note}; a rule is armed and never fires",
        ),
    ]  # fmt: skip
    return [*targets, _embedded(rounds, "amqp"), *rows]


def _embedded(rounds: Sequence[Round], wire: Wire) -> Row:
    note = f"{WHAT[wire]}; the whole link, taps in a {DEFAULT}, with the embedded Toxiproxy against the original"
    values = ratios(rounds, f"{DEFAULT}.embedded", f"{DEFAULT}.link")
    return row(f"{wire}.link.embedded_vs_original", values, unit="ratio", target=1.0, stretch=0.9, note=note)


def amqp_busy(stage: Stage) -> list[Row]:
    """The same beside a thread that computes in the process of the tests."""
    return compared(stage, "amqp", busy=True)[1]


def amqp_flood(stage: Stage) -> list[Row]:
    """Target 3: messages a second."""
    _ = stage.amqp
    names = ["direct", "toxiproxy", *(f"{how}.{road}" for how in HOW for road in ("tap", "link"))]
    roads = [f"amqp {name}" for name in names]
    found = [stage.load.ask("floods", roads=turned(roads, number), messages=FLOOD) for number in range(ROUNDS + 1)]
    rounds = [{name.partition(" ")[2]: values for name, values in one.items()} for one in found[1:]]
    tap = f"{DEFAULT}.tap"
    note = f"{FLOOD} messages published, then all consumed and acknowledged; one tap in a {DEFAULT}"

    def one(name: str, road: str, base: str, note: str, *, target: float | None = None, stretch: float | None = None) -> Row:
        values = ratios(rounds, road, base)
        return row(f"amqp.e2e.{name}", values, unit="ratio", better="higher", target=target, stretch=stretch, note=note)

    return [
        one("tap_vs_direct", tap, "direct", note, target=0.9, stretch=0.95),
        one("tap_vs_toxiproxy", tap, "toxiproxy", note, target=1.0),
        row("amqp.e2e.direct", percentiles(rounds, "direct"), unit="msg/s", better="higher", note="without anything between"),
        one("toxiproxy_vs_direct", "toxiproxy", "direct", "Toxiproxy without toxics and nothing else"),
        *(one(f"link_vs_direct.{how}", f"{how}.link", "direct", f"the whole link, taps in a {how}") for how in HOW),
        one("tap_vs_direct.thread", "thread.tap", "direct", "one tap in a thread"),
        *_processor(stage),
    ]


def _processor(stage: Stage) -> list[Row]:
    """Return what one message costs in processor time: what a machine shared with others hardly changes."""
    costs: dict[str, list[float]] = {}
    for road, program in [(f"{DEFAULT}.tap", "harness.recorder"), ("toxiproxy", "toxiproxy-server")] * ROUNDS:
        before = stage.spent_by(program)
        stage.load.ask("floods", roads=[f"amqp {road}"], messages=FLOOD)
        stage.worlds[DEFAULT].flush()  # what has passed is recorded a little later: that is work of these messages too
        costs.setdefault(program, []).append((stage.spent_by(program) - before) / FLOOD * 1e6)
    tap, toxiproxy = costs.values()
    against = [mine / theirs for mine, theirs in zip(tap, toxiproxy, strict=True)]
    note = "publish, delivery and acknowledgement of one message in the flood, all three decoded and recorded; processor time"
    return [
        row("amqp.e2e.tap_processor", tap, unit="us", note=note),
        row("amqp.e2e.tap_processor_vs_toxiproxy", against, unit="ratio", note=f"{note}; against that of Toxiproxy"),
    ]


def sqs(stage: Stage) -> list[Row]:
    """Target 5, that of the whole link, and the comparison behind them."""
    rounds, rows = compared(stage, "sqs", busy=False)
    what = "send, receive and delete, 440 B, boto3; parsed and recorded by"
    tap, link = ratios(rounds, f"{DEFAULT}.tap", "direct"), ratios(rounds, f"{DEFAULT}.link", "direct")
    note = f"{what} one tap in a {DEFAULT}"
    whole = f"{what} both taps in a {DEFAULT}, Toxiproxy between them"
    return [
        row("sqs.tap.p50_vs_direct", tap, unit="ratio", target=1.2, stretch=1.11, note=note),
        row("sqs.link.p50_vs_direct", link, unit="ratio", target=1.25, stretch=1.15, note=whole),
        _embedded(rounds, "sqs"),
        *rows,
    ]


def sqs_busy(stage: Stage) -> list[Row]:
    """The same beside a thread that computes in the process of the tests."""
    return compared(stage, "sqs", busy=True)[1]


def delays(stage: Stage) -> list[Row]:
    """Target 6: how exactly the fault latency delays, seen by an AMQP consumer through the whole link."""
    _ = stage.amqp
    rows, earliest = [], []
    for name, seconds in DELAYS.items():
        errors = []
        for _number in range(ROUNDS):
            # The road at rest for as long as it will be delayed: what has slept wakes up slower than what is hot.
            path = percentile(_delayed(stage, rest=seconds), 0.5)
            toxic = stage.toxiproxy.add_latency(proxy("amqp", DEFAULT), seconds=seconds)
            late = _delayed(stage, rest=0)
            stage.toxiproxy.remove_toxic(proxy("amqp", DEFAULT), toxic)
            earliest.append(1e3 * (min(late) - seconds))
            errors.append([1e3 * abs(one - seconds - path) for one in late])
        note = f"{name} injected into what comes back; error without the link's own p50; the broker's jitter is in it"
        p50 = [percentile(one, 0.5) for one in errors]
        everything = [percentile([x for one in errors for x in one], 0.99)]
        rows.append(row(f"latency.{name}.error_p50", p50, unit="ms", target=0.5, note=note))
        rows.append(row(f"latency.{name}.error_p99", everything, unit="ms", target=2.5, note=f"{note}; over all rounds"))
    early = row("latency.earliest", [min(earliest)], unit="ms", better="higher", target=0, note="the earliest against nominal")
    return [*rows, early]


def _delayed(stage: Stage, *, rest: float) -> list[float]:
    name = f"amqp {DEFAULT}.link"
    found: list[float] = stage.load.ask("trips", roads=[name], blocks=1, block=12, rest=rest)[name]
    return found
