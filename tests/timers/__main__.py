"""`python -m tests.timers [SPEED...]`: timers of brokers and programs at each speed, five rounds each; shows the table.

Writes .harness/timers/latest.json; exit code 1 where a timer was early, or took more than a quarter longer than wanted as the
median of its rounds. The timers are as long at each speed as makes them seconds of the machine: a tick of a broker and a pause of
the machine are a small part of that. What the brokers leave no way to shorten is measured at 20 and 100 only. Tests run a small
part of it always: test_timers.py here and in tests/java and tests/node.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from harness import Sandbox
from harness.clock import utc
from harness.errors import HarnessError
from harness.history import History
from harness.history.events import Event
from harness.run import Run, Story
from harness.services.runtimes import problem
from harness.stack.choice import Wanted
from harness.stack.tempo import STEPS
from tests.java import retrying
from tests.node.polling import sqs_consumer
from tests.timers import consumers, hours, worlds
from tests.timers.consumers import Start, to_broker
from tests.timers.rows import Row, shown

FOLDER = Path(".harness/timers")
ROUNDS = 5
SECONDS = {1: 6, 20: 60, 100: 300}
"""What is wanted at each speed: three seconds of the machine or more, and an emulator's tick is one at speed 1."""
SQS: Mapping[str, Start] = {
    "boto3": consumers.BOTO3,
    "sqs-consumer": sqs_consumer,
    "spring-cloud-aws": consumers.SPRING_CLOUD_AWS,
}
RABBITMQ: Mapping[str, Start] = {
    "pika": consumers.PIKA,
    "amqplib": consumers.AMQPLIB,
    "spring-amqp": consumers.SPRING_AMQP,
}
PROGRAMS = {
    "boto3": "Python, boto3",
    "sqs-consumer": "Node, sqs-consumer",
    "spring-cloud-aws": "Java, spring-cloud-aws, on the machine's clock",
    "pika": "Python, pika",
    "celery": "Python, Celery",
    "amqplib": "Node, amqplib",
    "spring-amqp": "Java, Spring AMQP",
}
NEEDS = {"sqs-consumer": "node", "amqplib": "node", "spring-cloud-aws": "java", "spring-amqp": "java"}
GIVES_UP = {"pika": 130.0, "amqplib": 180.0, "spring-amqp": 135.0}
"""After how long each client takes a silent peer for dead: two heartbeats and ten seconds, three heartbeats, nine quarters."""
CONSUMER_TIMEOUT = 1800.0
"""What RabbitMQ leaves a consumer for one message, unless told otherwise; it looks once a minute."""
Read = Callable[[Sequence[Event]], Iterator[float]]
Measure = Callable[["Table"], Iterator[Row]]


class Table:
    """The rows at one speed, measured in a run of its own."""

    def __init__(self, run: Run, speed: int) -> None:
        self._run = run
        self.speed = speed
        self.seconds = SECONDS[speed]

    def told(self, tell: Callable[[Sandbox], None]) -> Sequence[Event]:
        """Return the record of a world that this tells, also of one in which something went wrong: its rows are short then."""
        journal = None
        try:
            with self._run.scenario(Story("timers", None, "timers", "", speed=self.speed)) as told:
                journal = told.journal
                tell(told.sandbox)
        except HarnessError as error:
            _show(f"  {error}")
        return list(History(journal).events()) if journal is not None else []

    def row(self, timer: str, by: str, wanted: float, took: Iterator[float]) -> Row:
        """Return the row of these rounds, and show it."""
        row = Row(timer=timer, by=by, speed=self.speed, wanted=wanted, took=tuple(round(one, 3) for one in _readable(took)))
        _show(f"  {timer}, {by}: {row.ratio:g} of {wanted:g} s{'' if row.holds else ' !'}")
        return row


def _readable(took: Iterator[float]) -> Iterator[float]:
    try:
        yield from took
    except (IndexError, ValueError):
        return  # the world ended before this round did


def sqs(table: Table) -> Iterator[Row]:
    """Visibility timeouts, and delays of messages."""
    there, wanted = _there(SQS), table.seconds
    events = table.told(lambda sandbox: worlds.received(sandbox, there, wanted, ROUNDS))
    for name in there:
        yield table.row("visibility timeout of SQS", PROGRAMS[name], wanted, worlds.came_back(events, name))
        yield table.row("DelaySeconds of SQS", PROGRAMS[name], wanted, worlds.came_late(events, name))


def ttl(table: Table) -> Iterator[Row]:
    """TTL and dead-lettering."""
    there, wanted = _there(RABBITMQ), table.seconds
    events = table.told(lambda sandbox: worlds.expired(sandbox, there, wanted, ROUNDS))
    for name in there:
        yield table.row("x-message-ttl of RabbitMQ", PROGRAMS[name], wanted, worlds.came_over(events, name))


def back_off(table: Table) -> Iterator[Row]:
    """A pause of the program's own, inside one delivery."""
    if not problem("java"):
        wanted = table.seconds
        events = table.told(lambda sandbox: retrying.tried_again(sandbox, "jobs", wanted, ROUNDS))
        yield table.row("back-off of Spring's retries", PROGRAMS["spring-amqp"], wanted, retrying.paused(events, "jobs"))


def celery(table: Table) -> Iterator[Row]:
    """Tasks with an ETA, which their worker holds until they are due."""
    wanted = table.seconds
    events = table.told(lambda sandbox: worlds.put_off(sandbox, "tasks", wanted, ROUNDS))
    yield table.row("ETA of a task of Celery, on SQS", PROGRAMS["celery"], wanted, worlds.began_when_due(events, "tasks"))
    yield table.row("countdown of its retry", PROGRAMS["celery"], wanted, worlds.began_again(events, "tasks"))


def consumer_timeout(table: Table) -> Iterator[Row]:
    """What a broker does to who never settles."""
    if table.speed > 1:
        events = table.told(lambda sandbox: hours.held(sandbox, ROUNDS, really=2 * CONSUMER_TIMEOUT / table.speed + 30))
        yield table.row("consumer timeout of RabbitMQ", PROGRAMS["pika"], CONSUMER_TIMEOUT, hours.closed(events))


def heartbeat(table: Table) -> Iterator[Row]:
    """After how long both ends of a dead connection give it up."""
    if table.speed > 1:
        there, really = _there(RABBITMQ), ROUNDS * 960 / table.speed + 60
        events = table.told(lambda sandbox: hours.silent(sandbox, there, ROUNDS, really=really))
        for name in there:
            link = to_broker(name)
            broker, client = (hours.gave_up(events, link, end) for end in hours.ENDS)
            yield table.row("three heartbeats missed by RabbitMQ", PROGRAMS[name], 3 * hours.HEARTBEAT, broker)
            yield table.row("heartbeats missed by the client", PROGRAMS[name], GIVES_UP[name], client)


MEASURES: Sequence[Measure] = (sqs, ttl, back_off, celery, heartbeat, consumer_timeout)


def _there(starts: Mapping[str, Start]) -> Mapping[str, Start]:
    return {name: start for name, start in starts.items() if name not in NEEDS or not problem(NEEDS[name])}


def _show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(given: Sequence[str]) -> int:
    """Measure, show, write; return the exit code."""
    started = f"{utc():%Y-%m-%dT%H:%M:%SZ}"
    speeds = [speed for speed in STEPS if not given or str(speed) in given]
    folder = FOLDER / started.replace(":", "-")
    run = Run(folder, stack=Wanted("auto"))
    rows: list[Row] = []
    try:
        for speed in speeds:
            _show(f"==== speed {speed}")
            for measure in MEASURES:
                rows += measure(Table(run, speed))
    finally:
        run.end()
    latest = {"schema": 1, "started": started, "rows": [{**asdict(one), "ratio": one.ratio, "holds": one.holds} for one in rows]}
    (FOLDER / "latest.json").write_text(json.dumps(latest, indent=1) + "\n")
    _show("\n".join(["", *shown(rows, speeds)]))
    return 0 if rows and all(one.holds for one in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
