"""One scenario's private world, as the scenario sees it: two brokers, resources, services, faults, and the drain."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.clock import eventually
from harness.errors import StackLostError, StartError, UsageError
from harness.faults.moments import Waiting
from harness.faults.schedule import Schedule
from harness.faults.timers import Timers
from harness.history import History
from harness.history.events import Event
from harness.model import Fault, Moment
from harness.sandbox.aws import Aws
from harness.sandbox.brokers import Brokers
from harness.sandbox.bypass import Watch
from harness.sandbox.databases import Postgres, Redis
from harness.sandbox.drain import Drain, Outcome
from harness.sandbox.hands import SandboxHands
from harness.sandbox.instances import Instance, spent
from harness.sandbox.phases import Phases
from harness.sandbox.queues import Queue
from harness.sandbox.rabbitmq import RabbitMQ
from harness.sandbox.resources import Alarms, Http, Mailbox
from harness.sandbox.spent import Spent, timed
from harness.sandbox.tail import Tail
from harness.sandbox.things import Context, Usable
from harness.services.service import Service

SHORTEST_WAIT = 10.0
"""Real seconds for which a cause is awaited at least, however fast the world's clock runs: machines pause."""


@dataclass(frozen=True)
class Ended:
    """How a world came to its end: the last drain, and how much traffic went around the links."""

    outcome: Outcome | None
    bypassed: int


class Sandbox:
    """A vhost, an AWS account, links and a journal that no other test shares; made by the fixture `sandbox`."""

    def __init__(self, context: Context, journal: Path, *, reproduce: str = "") -> None:
        self._context = context
        self._tail = Tail(context.world, journal)
        self._journal = journal
        self._reproduce = reproduce
        self._timers = Timers()
        self._brokers = Brokers(context, context.own)
        self._schedule = Schedule(SandboxHands(context, self._timers, self._brokers))
        self._phases = Phases(context, self._brokers)
        self._instances: list[Instance] = []
        self._waiting: list[Instance] = []
        self._outcome: Outcome | None = None
        self._watch = Watch({context.stack.rabbitmq.port: "RabbitMQ", context.stack.localstack.port: "LocalStack"})
        self._around: set[str] = set()
        self._closed = self._ended = False
        context.act = self._act
        context.later = lambda seconds, then: self._timers.later(seconds / context.stack.speed, then)
        self._aws, self._rabbitmq = Aws(context, self._brokers), RabbitMQ(context, self._brokers)
        context.name(self._aws)
        context.name(self._rabbitmq)

    @property
    def aws(self) -> Aws:
        """The AWS account of this sandbox."""
        return self._aws

    @property
    def rabbitmq(self) -> RabbitMQ:
        """The RabbitMQ vhost of this sandbox."""
        return self._rabbitmq

    def http(self, name: str, *, key: str | None = None, version: str | None = None) -> Http:
        """Make an HTTP resource. `key` says where a request's business key stands: a pointer, `path ~ REGEX` or `HEADER ~ REGEX`.

        Raises UsageError when the name is taken or the key cannot be one.
        """
        return Http(self._context, name, key=key, version=version)

    def mailbox(self, name: str = "mailbox", *, key: str | None = None) -> Mailbox:
        r"""Make a mailbox reached by SMTP. `key` says where a mail's key stands: `subject ~ form (\S+)`, `to ~`, `body ~`.

        Raises UsageError when the name is taken or the key cannot be one. For mails sent with SES see `aws.mailbox`.
        """
        return Mailbox(self._context, name, key=key)

    def postgres(self, name: str, *, effect: str, key: str | None = None) -> Postgres:
        r"""Make a database of PostgreSQL. `effect` is a SELECT whose rows are the effects: their key, then perhaps a version.

        `key` says where the key stands in a statement and its parameters, a line each, as in `body ~ id = '(\w+)'`. Without it a
        transaction is seen, but not which message it is for.
        Raises UsageError when the name is taken or PostgreSQL cannot read the SELECT; StackError or MissingToolError where there
        is no PostgreSQL and none can be had.
        """
        return Postgres(self._context, name, effect=effect, key=key)

    def redis(self, name: str) -> Redis:
        """Make a database of Redis. Raises UsageError when the name is taken, StackError where none can be had."""
        return Redis(self._context, name)

    def alarms(self, name: str) -> Alarms:
        """Make a sink for alarms; raises UsageError when the name is taken."""
        return Alarms(self._context, name)

    def start(
        self,
        service: Service,
        *,
        uses: Mapping[str, Usable],
        environment: Mapping[str, str] | None = None,
        name: str | None = None,
        restart_after: float | None = None,
    ) -> Instance:
        """Start a service, wired to what it uses; returns at once, the next act waits until it is ready on the wire.

        `uses` maps environment variables of the service to things of this sandbox. With `restart_after` it has a supervisor,
        which starts it again so many seconds after each exit that the harness did not cause. Raises StartError when the command
        does not exist, MissingToolError when something it needs is not installed, UsageError for a name used twice.
        """
        self._open()
        same = sum(1 for one in self._instances if one.service.name == service.name)
        given = name or (service.name if not same else f"{service.name}-{same + 1}")
        instance = Instance(self._context, service, given, uses, environment or {})
        instance.deployed = lambda: self._waiting.append(instance)
        if restart_after is not None:
            seconds = restart_after
            instance.exited_by_itself = lambda: self._context.later(seconds, instance.restart)
        self._instances.append(instance)
        self._waiting.append(instance)
        instance.run()
        return instance

    def inject(self, *faults: Fault) -> None:
        """Have these faults happen from now on; at least one of a call must bite, or every verdict is vacuous.

        Raises UsageError, listing what there is, for a link or thing that does not exist.
        """
        self._act()
        for victim in {fault.victim for fault in faults} & set(self._brokers.names):
            self._brokers.settle(str(victim))
        self._schedule.inject(*faults)

    def heal(self) -> None:
        """End every fault that is on, and call off those that have not begun."""
        self._act()
        self._schedule.heal()

    def until(self, moment: Moment, *, within: float = 60) -> None:
        """Wait for a cause. Raises TimedOutError, saying what was last seen, after `within` seconds.

        What a check promises is judged, not awaited.
        """
        self._act()
        came = threading.Event()
        waiting = Waiting(SandboxHands(self._context, self._timers, self._brokers))
        waiting.start(moment, came.set)

        def look() -> bool:
            self._look_around()
            self._context.read()
            return came.is_set()

        try:
            with self._context.spent.on(f"waiting for {moment}"):
                last = self._context.world.counts
                eventually(look, awaited=str(moment), within=self._really(within), last=lambda: dict(last()))
        finally:
            waiting.cancel()

    def drain(self, *, within: float | None = None, quiet: float | None = None) -> History:
        """Wait until the world is quiet or steady; change nothing. Return the history up to there, or to the next act.

        Never raises for a world that stays busy: then `History.drained` is false, with the reason. `within` and `quiet` (how long
        silence must last) are seconds.
        """
        self._act()
        drain = Drain(
            self._context,
            self._tail,
            quiet=quiet,
            faults=self._due,
            is_down=self._brokers.is_down,
            anybody=lambda: any(one.lives for one in self._instances),
        )
        self._outcome = drain.wait(within)
        data: dict[str, object] = {"reason": self._outcome.reason, "looks": dict(drain.looks()), **spent(self._instances)}
        drained = self._context.record(Event(kind="drained", how=self._outcome.how, data=data))
        return self._phases.drained(self._new_history(), drained.n)

    @property
    def history(self) -> History:
        """What the last drain returned: whoever tells of it afterwards reads no journal that its checks have read already."""
        return self._phases.history or self._new_history()

    def _new_history(self) -> History:
        return History(self._journal, reproduce=self._reproduce, prepare=self.finish)

    @timed("closing")
    def finish(self) -> None:
        """Close the history, kill the services, scan what is left; afterwards nothing can be done in this world. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._schedule.close()
        self._timers.close()
        self._context.read()
        self._context.record(Event(kind="closing"))
        for instance in self._instances:
            if instance.process is not None:
                instance.process.kill()
        self._context.read()  # whatever came since is late
        self._brokers.revive()
        for thing in list(self._context.things.values()):
            if isinstance(thing, Queue):
                thing.scan()
        # From here on the journal belongs to whoever judges: verdicts are appended to it.
        self._context.world.close()

    @timed("giving back")
    def end(self) -> Ended:
        """Finish, and give back everything this world had: queues, vhost, links, proxies. Idempotent."""
        if not self._ended:
            self._ended = True
            try:
                self.finish()
            finally:
                for end in reversed(self._context.ends):
                    end()
                self._brokers.end()
        return Ended(self._outcome, len(self._around))

    @property
    def spent(self) -> Spent:
        """Where the real seconds went so far."""
        return self._context.spent

    @property
    def instances(self) -> tuple[Instance, ...]:
        """The services started so far, in order."""
        return tuple(self._instances)

    # ------------------------------------------------------------------ inside

    def _open(self) -> None:
        if self._closed:
            message = "this sandbox's history is closed, because a verdict was asked for: act first, then judge"
            raise UsageError(message)

    def _act(self) -> None:
        self._open()
        while self._waiting:
            self._await_ready(self._waiting[0])
            del self._waiting[0]
        self._sound()
        self._phases.end()
        self._look_around()

    def _await_ready(self, instance: Instance) -> None:
        try:
            instance.await_ready(self._tail)
        except StartError as error:
            self._look_around()
            if self._around:
                message = f"{error}; {'; '.join(sorted(self._around))}"
                raise StartError(message) from error
            raise

    def _sound(self) -> None:
        """Hold that the servers are there and every fault could begin and end; raises StackLostError or HarnessError."""
        lost = self._context.lost()
        if lost:
            raise StackLostError(lost)
        self._schedule.raise_problem()

    def _really(self, within: float) -> float:
        speed = self._context.stack.speed
        return within if speed == 1 else max(within / speed, SHORTEST_WAIT)

    def _due(self) -> str:
        return self._faults() or next((reason for due in self._context.due if (reason := due())), "")

    def _faults(self) -> str:
        self._sound()
        self._look_around()
        timed = [one for one in self._schedule.standing() if one.timed]
        return f"{timed[0].fault} is not over" if timed else ""

    def _look_around(self) -> None:
        """Write down each service that is seen to have a connection around its link: before each act, and while it is waited."""
        pids = [one.process.pid for one in self._instances if one.process is not None and one.process.status is None]
        for reason in self._watch.look(pids):
            if reason not in self._around:
                self._around.add(reason)
                self._context.record(Event(kind="bypassed", data={"reason": reason}))
