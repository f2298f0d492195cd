"""The recorder as seen by who uses it: synchronous calls, safe from every thread, and moments that run callbacks."""

import itertools
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from harness.address import HERE, Interface
from harness.errors import HarnessError, UsageError
from harness.history.events import Declaration, Event, Header
from harness.model import Link, Moment
from harness.recorder.protocol import TO_CLIENT, Answer, Call, Fired, Release
from harness.recorder.serve import main
from harness.wire.rules import Rule
from harness.wire.weather import Weather

Protocol = Literal["amqp", "sqs", "http", "smtp", "postgres", "tcp"]
ANSWER_WITHIN = 60.0
COMMAND = (sys.executable, "-m", "harness.recorder")


class LinkPorts(NamedTuple):
    """Where a link listens: `near` for the service, `far` for Toxiproxy."""

    near: int
    far: int


class _Waiting:
    """One call that has no answer yet."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.answer: Answer | None = None


class Recorder:
    """A running recorder; made by `Recorder.start`."""

    def __init__(self, connection: socket.socket, thread: threading.Thread | None) -> None:
        self._connection = connection
        self._thread = thread
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._callbacks: dict[tuple[str, str], Callable[[Event], None]] = {}
        self._gone = False
        self._reader = threading.Thread(target=self._read, name="recorder", daemon=True)
        self._reader.start()

    @classmethod
    def start(cls, spawn: Callable[[Sequence[str], int], object] | None) -> "Recorder":
        """Start a recorder: as a process, by `spawn(command, fd)` which hands fd over as 3, or with None as a thread."""
        ours, theirs = socket.socketpair()
        if spawn is None:
            thread = threading.Thread(target=main, args=(theirs,), name="recorder loop", daemon=True)
            thread.start()
            return cls(ours, thread)
        with theirs:
            spawn(COMMAND, theirs.fileno())
        return cls(ours, None)

    def world(self, header: Header, journal: Path) -> "World":
        """Begin the recording of one sandbox into `journal`."""
        self.call("", "open", header=msgspec.to_builtins(header), journal=str(journal))
        return World(self, header.sandbox)

    def toxiproxy(self) -> int:
        """Return the port of the embedded Toxiproxy's API; it runs in the recorder's loop, from the first time this is asked."""
        port: int = self.call("", "toxiproxy")
        return port

    def end(self) -> None:
        """Close every world and end the recorder. Idempotent."""
        with self._lock:
            if not self._gone:
                self._connection.shutdown(socket.SHUT_WR)
        self._reader.join(10)
        if self._thread is not None:
            self._thread.join(10)
        self._connection.close()

    def call(self, world: str, method: str, **arguments: Any) -> Any:
        """Return what the recorder answers. Raises HarnessError with its sentence, or when it is gone."""
        waiting, ident = _Waiting(), next(self._numbers)
        self._waiting[ident] = waiting
        self._say(Call(ident, world, method, arguments))
        if not waiting.done.wait(ANSWER_WITHIN):
            message = (
                f"the recorder did not answer {method} within {ANSWER_WITHIN:g} s; a moment's callback may be waiting for it"
            )
            raise HarnessError(message)
        answer = waiting.answer
        if answer is None:
            message = f"the recorder is gone: {method} of {world or 'a new world'} was not carried out"
            raise HarnessError(message)
        if answer.error is not None:
            raise HarnessError(answer.error) if answer.ours else UsageError(answer.error)
        return answer.value

    def keep(self, world: str, watch: str, then: Callable[[Event], None]) -> None:
        """Have `then` called when this watch fires."""
        self._callbacks[world, watch] = then

    def drop(self, world: str, watch: str) -> None:
        """Call nothing for this watch any more."""
        self._callbacks.pop((world, watch), None)

    def _say(self, message: Call | Release) -> None:
        line = msgspec.json.encode(message) + b"\n"
        with self._lock:
            if not self._gone:
                try:
                    self._connection.sendall(line)
                except OSError:
                    self._gone = True
        if self._gone:
            self._give_up()

    def _read(self) -> None:
        with self._connection.makefile("rb") as lines:
            for line in lines:
                message = TO_CLIENT.decode(line)
                if isinstance(message, Answer):
                    self._answered(message)
                else:
                    # A thread each: a callback may itself make an event at which another moment waits.
                    threading.Thread(target=self._fire, args=(message,), name=f"moment {message.watch}", daemon=True).start()
        self._gone = True
        self._give_up()

    def _answered(self, answer: Answer) -> None:
        waiting = self._waiting.pop(answer.id, None)
        if waiting is not None:
            waiting.answer = answer
            waiting.done.set()

    def _fire(self, fired: Fired) -> None:
        then = self._callbacks.pop((fired.world, fired.watch), None)
        try:
            if then is not None:
                then(fired.event)
        finally:
            self._say(Release(fired.world, fired.watch))

    def _give_up(self) -> None:
        for ident in list(self._waiting):
            waiting = self._waiting.pop(ident, None)
            if waiting is not None:
                waiting.done.set()


class World:
    """One sandbox's recording. Every method raises HarnessError with the recorder's sentence when it cannot be carried out."""

    def __init__(self, recorder: Recorder, name: str) -> None:
        self._recorder = recorder
        self._name = name
        self._watches = itertools.count(1)

    def _call(self, method: str, **arguments: Any) -> Any:
        return self._recorder.call(self._name, method, **arguments)

    def declare(self, declaration: Declaration) -> None:
        """Write what judging has to know of a thing, and tell the taps where its keys stand."""
        self._call("declare", declaration=msgspec.to_builtins(declaration))

    def record(self, event: Event) -> Event:
        """Write an event of the harness's own; return it with `n` and `t`, after a barrier on it was released."""
        given = self._call("put", event=msgspec.to_builtins(event))
        event.n, event.t = given["n"], given["t"]
        return event

    def open_link(self, link: Link, protocol: Protocol, target: tuple[str, int] | str, at: Interface = HERE) -> LinkPorts:
        """Make the two taps of a link; `target` is a broker's address or the name of a resource. It does not listen yet.

        `at` is where the service reaches it.
        """
        seat = (at.host, at.device)
        return LinkPorts(**self._call("open_link", link=str(link), protocol=protocol, target=target, at=seat))

    def connect_link(self, link: Link, via: int) -> None:
        """Have the near tap listen; it connects through `via`, the port of the link's proxy."""
        self._call("connect_link", link=str(link), via=via)

    def refuse(self, link: Link) -> None:
        """Refuse new connections on the link's port; established ones live on."""
        self._call("refuse", link=str(link))

    def accept(self, link: Link) -> None:
        """Accept connections again, on the same port."""
        self._call("accept", link=str(link))

    def lose(self, link: Link) -> None:
        """Refuse new connections on the link's port, because its target is gone."""
        self._call("lose", link=str(link))

    def find(self, link: Link) -> None:
        """Accept connections again as soon as the target does, unless a fault refuses them."""
        self._call("find", link=str(link))

    def carries(self, weather: Weather) -> None:
        """Raise UsageError, with a sentence, where the operation that this weather is about is none of the link's protocol."""
        self._call("carries", weather=msgspec.to_builtins(weather))

    def begin(self, weather: Weather) -> None:
        """Have the taps of its link look out for this weather, or make it."""
        self._call("begin", weather=msgspec.to_builtins(weather))

    def end(self, link: Link, weather: str) -> None:
        """Have the taps look no more, or stop; harmless where they do not."""
        self._call("end", link=str(link), weather=weather)

    def open_resource(self, name: str, kind: str, settings: dict[str, object]) -> None:
        """Make a resource that links can be opened to."""
        self._call("open_resource", name=name, kind=kind, settings=settings)

    def supports(self, rule: Rule) -> None:
        """Raise UsageError, with a sentence, where the protocol of the rule's link cannot carry it out."""
        self._call("supports", rule=msgspec.to_builtins(rule))

    def arm(self, rule: Rule) -> None:
        """Have the taps of the rule's link apply it. Raises UsageError where its protocol cannot carry it out."""
        self._call("arm", rule=msgspec.to_builtins(rule))

    def disarm(self, rule_id: str) -> None:
        """Have the taps forget a rule; harmless when it was used up."""
        self._call("disarm", rule=rule_id)

    def watch(self, moment: Moment, then: Callable[[Event], None]) -> str:
        """Call `then` in a thread of its own when this moment comes, while its bytes are held; they go on when it returns."""
        ident = f"w{next(self._watches)}"
        self._recorder.keep(self._name, ident, then)
        self._call("watch", ident=ident, moment=moment.to_json())
        return ident

    def unwatch(self, ident: str) -> None:
        """Call nothing any more for this watch."""
        self._recorder.drop(self._name, ident)
        self._call("unwatch", ident=ident)

    def counts(self) -> dict[str, int]:
        """Return how often the event of each moment has happened so far."""
        found: dict[str, int] = self._call("counts")
        return found

    def flush(self) -> None:
        """Have everything recorded so far in the journal file."""
        self._call("flush")

    def close(self) -> None:
        """End links and connections and close the journal."""
        self._call("close")
