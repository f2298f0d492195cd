"""One sandbox inside the recorder: its journal, its links and resources, its rules and moments."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from harness.address import HERE, Interface
from harness.clock import now
from harness.errors import UsageError
from harness.history.events import Declaration, Event, Header
from harness.model import Key, Moment
from harness.recorder.backlog import Backlog, Chunk, Waiting
from harness.recorder.moments import Moments, release_at
from harness.recorder.secrets import hide
from harness.recorder.wires import WIRES
from harness.recorder.writer import Writer
from harness.resources import make
from harness.resources.mailbox import Mailbox
from harness.resources.serving import Resource
from harness.wire.link import TappedLink
from harness.wire.receipts import Receipts
from harness.wire.rules import Rule, RuleBook
from harness.wire.streams import Hold, Note, Postbox
from harness.wire.weather import Weather


class RecordedWorld:
    """The sink of one sandbox's taps; its public methods without underscore are what the client may call."""

    def __init__(self, header: Header, journal: Path, fired: Callable[[str, Event], None]) -> None:
        self._writer = Writer(journal, header)
        self._origin = now()
        self._speed = header.speed
        self._microseconds = header.speed * 1e6
        self._n = 0
        self._rules = RuleBook()
        self._backlog = Backlog(asyncio.get_running_loop(), self._recorded)
        self._moments = Moments(asyncio.get_running_loop(), fired)
        self.watched = self._moments.watched
        self._links: dict[str, TappedLink] = {}
        self._protocols: dict[str, str] = {}
        self._resources: dict[str, Resource] = {}
        self._declared: dict[str, Declaration] = {}
        self._keys: dict[tuple[str, str], Key] = {}
        self._agreed: dict[str, Key | None] = {}
        self._groups: dict[str, Key] = {}
        self._holds: set[Hold] = set()
        self._postbox: Postbox | None = None
        self.receipts: Receipts | None = None
        self._closed = False

    # ------------------------------------------------------------------ what taps and resources call (wire.streams.Sink)

    def record(self, event: Event) -> Hold | None:
        """Record the event, at once and with a hold where a moment is watched, else soon."""
        event.t = event.t or self._seconds(now())
        if self._backlog.busy:  # it tells of what passed a while ago
            return self._write(event)
        if not self.watched:
            self._backlog.put(event, event.size)
            return None
        self._backlog.settle()
        return self._write(event)

    def note(self, note: Note, size: int) -> None:
        """Record soon what this note tells of."""
        if not self._backlog.busy:
            self._backlog.put(note, size)
            return
        event = note.event()
        if event is not None:
            event.t = note.t
            self._write(event)

    def later(self, take: Callable[[bytes, float], None], data: bytes, t: float) -> bool:
        """Have what these bytes mean recorded soon; False while a moment is watched."""
        if self.watched:
            return False
        self._backlog.put(Chunk(take, data, self._seconds(t)), len(data))
        return True

    def _recorded(self, one: Waiting) -> None:
        """Write what waited; nobody watches, so nothing is held."""
        if isinstance(one, Event):
            self._write(one)
            return
        if isinstance(one, Chunk):
            one.take(one.data, one.t)
            return
        event = one.event()
        if event is not None:
            event.t = self._seconds(one.t)
            self._write(event)

    def _seconds(self, t: float) -> float:
        """Return a time as production seconds since the world began, in whole microseconds; `round` takes three times as long."""
        return int((t - self._origin) * self._microseconds) / 1e6

    def _write(self, event: Event) -> Hold | None:
        """Give the event its number, write it, count it."""
        self._n += 1
        event.n = self._n
        if self._closed:
            return None
        hide(event)
        self._writer.put(event)
        return self._moments.happened(event)

    def settle(self) -> None:
        """Record everything that has passed."""
        self._backlog.settle()

    def pause(self, seconds: float) -> Hold:
        """Return a Hold that is released after so many production seconds."""
        hold = self._hold()
        release_at(hold, now() + seconds / self._speed)
        return hold

    def until_disarmed(self, rule_id: str) -> Hold:
        """Return a Hold that is released when this rule is disarmed."""
        hold = self._hold()
        self._rules.when_disarmed(rule_id, hold.release)
        return hold

    def _hold(self) -> Hold:
        hold = Hold(asyncio.get_running_loop())
        self._holds.add(hold)
        hold.done.add_done_callback(lambda _: self._holds.discard(hold))
        return hold

    def queue_key(self, broker: Literal["aws", "rabbitmq"], queue: str) -> Key | None:
        """Return where the key of a message of this queue stands.

        Queues without a key of their own (a dead-letter queue), and sends whose queue only the broker knows (through an
        exchange), have the key of all others of that broker, if those agree on one.
        """
        return self._keys.get((broker, queue)) or self._agreed.get(broker)

    def queue_group(self, queue: str) -> Key | None:
        """Return where the group of a message of this queue stands in its body."""
        return self._groups.get(queue)

    def resource(self, name: str) -> Declaration | None:
        """Return the declaration of a resource."""
        return self._declared.get(name)

    def postbox(self) -> Postbox | None:
        """Return the mailbox that takes what calls to AWS send."""
        return self._postbox

    # ------------------------------------------------------------------ what the client calls

    def declare(self, declaration: dict[str, Any]) -> None:
        """Take in what judging and the taps have to know of a thing."""
        self.settle()
        thing = msgspec.convert(declaration, Declaration)
        self._declared[thing.name] = thing
        if thing.what == "queue" and thing.broker == "aws" and self.receipts is None:
            self.receipts = Receipts(self._speed, lambda: self._seconds(now()), self._timeout)
        if thing.what in {"queue", "exchange"} and thing.key is not None:
            self._keys[thing.broker, thing.name] = Key(thing.key)
            of_broker = {key for (broker, _), key in self._keys.items() if broker == thing.broker}
            self._agreed[thing.broker] = next(iter(of_broker)) if len(of_broker) == 1 else None
        if thing.group is not None:
            self._groups[thing.name] = Key(thing.group)
        self.record(Event(kind="declared", data=msgspec.to_builtins(thing)))

    def _timeout(self, queue: str) -> float | None:
        found = self._declared.get(queue)
        return None if found is None else found.visibility_timeout

    async def put(self, event: dict[str, Any]) -> dict[str, Any]:
        """Record an event of the harness's own; answers when a barrier on it was released."""
        given = msgspec.convert(event, Event)
        hold = self.record(given)
        self.settle()
        n, t = given.n, given.t
        if hold is not None:
            await hold.done
        return {"n": n, "t": t}

    def open_link(
        self, link: str, protocol: str, target: list[Any] | str, near: int = 0, at: tuple[str, str] = (HERE.host, HERE.device)
    ) -> dict[str, int]:
        """Make the two taps of a link; the near one does not listen yet. `near`: the port for the service, 0: any, `at` where."""
        to = self._resources[target].session if isinstance(target, str) else (str(target[0]), int(target[1]))
        session, seat = WIRES[protocol].session, Interface(*at)
        made = self._links[link] = TappedLink(link, sink=self, rules=self._rules, session=session, target=to, near=near, at=seat)
        self._protocols[link] = protocol
        return {"near": made.near, "far": made.far}

    def connect_link(self, link: str, via: int) -> None:
        """Have the near tap listen, and go through Toxiproxy's port `via`."""
        self._links[link].connect(via)

    def refuse(self, link: str) -> None:
        """Refuse new connections."""
        self._links[link].refuse()

    def accept(self, link: str) -> None:
        """Accept connections again."""
        self._links[link].accept()

    def lose(self, link: str) -> None:
        """Refuse new connections because the target is gone."""
        self._links[link].lose()

    def find(self, link: str) -> None:
        """Accept connections again once the target is there."""
        self._links[link].find()

    def carries(self, weather: dict[str, Any]) -> None:
        """Refuse, with a sentence, weather about an operation that a connection of its link cannot carry."""
        made = msgspec.convert(weather, Weather)
        known = WIRES[self._protocols[made.link]].carried
        if made.on is not None and made.on not in known:
            message = f"{made.name} on {made.link}: no connection of it carries {made.on!r}; there are: {', '.join(known)}"
            raise UsageError(message)

    def begin(self, weather: dict[str, Any]) -> None:
        """Have this weather over its link."""
        made = msgspec.convert(weather, Weather)
        self._links[made.link].begin(made)

    def end(self, link: str, weather: str) -> None:
        """Have this weather no more."""
        self._links[link].end(weather)

    def open_resource(self, name: str, kind: str, settings: dict[str, Any]) -> None:
        """Make a resource; links to it are opened with its name as their target."""
        made = self._resources[name] = make(kind, name, settings)
        declared = self._declared.get(name)
        if isinstance(made, Mailbox) and declared is not None and declared.kind == "ses":
            self._postbox = made

    def supports(self, rule: dict[str, Any]) -> None:
        """Refuse, with a sentence, a rule that the protocol of its link cannot carry out."""
        made = msgspec.convert(rule, Rule)
        if made.link in self._protocols:
            WIRES[self._protocols[made.link]].supports(made)

    def arm(self, rule: dict[str, Any]) -> None:
        """Have the taps of the rule's link apply it; one that this protocol cannot carry out is refused."""
        self.settle()
        self.supports(rule)
        self._rules.arm(msgspec.convert(rule, Rule))

    def disarm(self, rule: str) -> None:
        """Have the taps forget a rule."""
        self._rules.disarm(rule)

    def watch(self, ident: str, moment: dict[str, Any]) -> None:
        """Report this moment when it comes, and hold its bytes."""
        self.settle()
        self._moments.watch(ident, Moment.from_json(moment))

    def unwatch(self, ident: str) -> None:
        """Report this moment no more."""
        self._moments.unwatch(ident)

    def counts(self) -> dict[str, int]:
        """Return how often each moment's event has happened."""
        self.settle()
        return {f"{thing}.{event}": count for (thing, event, key), count in self._moments.counts.items() if key is None}

    def flush(self) -> None:
        """Have everything that has passed in the file."""
        self.settle()
        self._writer.flush()

    def write_out(self) -> None:
        """Have everything recorded so far in the file."""
        self._writer.flush()

    def close(self) -> None:
        """End links and connections and close the journal."""
        if self._closed:
            return
        self.settle()
        self._moments.release_all()
        for hold in list(self._holds):
            hold.release()
        for link in self._links.values():
            link.close()
        self.settle()
        self._writer.close()
        self._closed = True

    def release(self, watch: str) -> None:
        """Let the bytes of a moment go on."""
        self._moments.release(watch)


CALLABLE = frozenset((
    "declare", "put", "open_link", "connect_link", "refuse", "accept", "open_resource", "supports", "arm", "disarm",
    "lose", "find", "carries", "begin", "end", "watch", "unwatch", "counts", "flush", "close",
))  # fmt: skip
