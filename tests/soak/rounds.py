"""One round of the soak: a world with two queues, a consumer and a place; visitors; faults; and whether all is accounted for."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from sys import executable

import msgspec

from harness import History, Sandbox, Service
from harness import faults as of
from harness.checks import accounted
from harness.model import Fault, Link, Moment
from harness.run import Run, Story
from tests.soak.visits import Road, job, mail, strange, until_confirmed

WORKER = Service("worker", command=[executable, str(Path(__file__).parents[2] / "fixtures" / "programs" / "soaked.py")])
JOBS_IN, MAILS_IN = Link("visitor", "rabbitmq"), Link("visitor", "aws")
JOBS, MAILS, PLACE = Link("worker", "rabbitmq"), Link("worker", "aws"), Link("worker", "place")
VISITORS = 6
AT_ONCE = 3
"""Faults a round."""

LATER = Moment("jobs", "sent", 1, plus=3)

FAULTS: Mapping[str, Callable[[], Fault | tuple[Fault, ...]]] = {
    "place refuses": lambda: of.outage(PLACE, lasts=1),
    "jobs refused": lambda: of.outage(JOBS_IN, lasts=1),
    "deletes are lost": lambda: of.request_lost(MAILS, on="DeleteMessage", times=3, lasts=3),
    "rabbitmq is gone": lambda: of.outage(JOBS, lasts=1),
    "place fails": lambda: of.status(PLACE, 503, times=9, lasts=3),
    "mails sent twice": lambda: of.duplicate(MAILS_IN, on="SendMessage", times=5, lasts=3),
    "aws is slow": lambda: of.latency(MAILS, 0.3, jitter=0.1, lasts=2),
    "worker dies": lambda: of.kill("worker", lasts=0.5),
    "confirms are lost": lambda: (  # for which pika waits as long as its connection lives
        of.answer_lost(JOBS_IN, on="Basic.Publish", times=3, lasts=3),
        of.reset(JOBS_IN, begins=LATER, lasts=0.5),
    ),
    "aws is reset": lambda: of.reset(MAILS_IN, lasts=1),
    "place answers into the void": lambda: of.answer_lost(PLACE, times=5, lasts=3),
    "place cuts its answers": lambda: of.cut_short(PLACE, 20, lasts=1),
    "rabbitmq is narrow": lambda: of.bandwidth(JOBS, 20_000, lasts=2),
    "aws throttles": lambda: of.status(MAILS, "RequestThrottled", times=5, lasts=3),
    "jobs in pieces": lambda: of.sliced(JOBS_IN, 30, lasts=2),
    "jobs come twice": lambda: of.duplicate(JOBS, on="Basic.Deliver", times=5, lasts=3),
    "jobs wait": lambda: of.held(JOBS, on="Basic.Deliver", times=5, lasts=1),
    "jobs out of order": lambda: of.reordered(JOBS, window=3, times=9, lasts=3),
    "aws closes late": lambda: of.slow_close(MAILS, 0.2, lasts=2),
    "worker stands still": lambda: of.pause("worker", lasts=1),
    "rabbitmq is reset": lambda: of.reset(JOBS, lasts=1),
    "mails hidden shortly": lambda: of.shortened(MAILS, 1, times=5, lasts=3),
    "answers of aws are lost": lambda: of.answer_lost(MAILS, times=3, lasts=3),
    "place is silent": lambda: of.timeout(PLACE, seconds=0.2, lasts=1),
}


class Round(msgspec.Struct, kw_only=True):
    """What one round came to; `problems` is empty where every message is accounted for."""

    folder: str
    faults: list[str]
    messages: int
    connections: int
    events: int
    conclusion: str
    problems: list[str]


def chosen(number: int) -> list[str]:
    """Return the faults of this round: after as many rounds as there are faults, each has met others than its neighbours."""
    names = list(FAULTS)
    step = 1 + 2 * (number * AT_ONCE // len(names) % (len(names) // 2))
    return [names[(number * AT_ONCE + place * step) % len(names)] for place in range(AT_ONCE)]


def soaked(run: Run, number: int, visits: int) -> Round:
    """Play one round: `visits` messages to each broker while its faults are on; judge when all is quiet."""
    names = chosen(number)
    with run.scenario(Story(f"soak-{number}", None, "soak", "make soak")) as told:
        keys = _played(told.sandbox, names, visits)
        return _judged(told.sandbox.drain(within=300), names, keys)


def _played(sandbox: Sandbox, names: list[str], visits: int) -> list[str]:
    place = sandbox.http("place", key="/id")
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=place)
    mails = sandbox.aws.queue("mails", key="/id", effect=place, visibility_timeout=2)
    uses = {
        "AMQP_URL": sandbox.rabbitmq, "JOBS": jobs, "AWS_ENDPOINT_URL": sandbox.aws, "MAILS_URL": mails, "PLACE_URL": place,
    }  # fmt: skip
    sandbox.start(WORKER, uses=uses)
    jobs_port, mails_port = sandbox.rabbitmq.reach(JOBS_IN), sandbox.aws.reach(MAILS_IN)
    to_jobs, to_mails = (
        Road(sandbox.rabbitmq.parts(jobs_port), "jobs"),
        Road(sandbox.aws.parts(mails_port), mails.url_at(mails_port)),
    )
    sandbox.inject(*(fault for name in names for fault in _all(FAULTS[name]())))
    with ThreadPoolExecutor(VISITORS, thread_name_prefix="visitor") as visitors:
        sent = [
            visitors.submit(until_confirmed, visit, road, f"{kind}-{number}")
            for number in range(visits)
            for kind, visit, road in (("job", job, to_jobs), ("mail", mail, to_mails))
        ]
        for port in (jobs_port, mails_port):
            visitors.submit(strange, port)
        return [one.result() for one in sent]


def _all(faults: Fault | tuple[Fault, ...]) -> tuple[Fault, ...]:
    return faults if isinstance(faults, tuple) else (faults,)


def _judged(history: History, names: list[str], keys: list[str]) -> Round:
    verdict = accounted(history)
    events = list(history.events())
    unseen = set(keys) - {event.key for event in events if event.kind == "acknowledged" and event.at == "far"}
    gaps = {f"{event.link}: {(event.data or {}).get('reason')}" for event in events if event.kind == "gap"}
    return Round(
        folder=str(history.path.parent),
        faults=names,
        messages=len(keys),
        connections=sum(event.kind == "opened" and event.at == "near" and not event.wire for event in events),
        events=len(events),
        conclusion=verdict.conclusion,
        problems=[
            # Vacuous is no problem of the harness: the faults of this round met nothing that was under way.
            *([] if verdict.conclusion in ("kept", "vacuous") else [verdict.sentence]),
            *(f"{key} was confirmed to its sender, and no tap saw that" for key in sorted(unseen)),
            *sorted(gaps),
        ],
    )
