"""What a tap sees of PostgreSQL: transactions, and what became of them.

A transaction is one request: it is `requested` when what decides it passes (COMMIT, ROLLBACK, or a statement that is one by
itself), and `answered` when the server says that it is ready again. What was inside stands in `data.statements`. Which rows there
are then the server alone knows. Requests are lost or held in the near tap, answers are lost or late in the far tap.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from harness.errors import UsageError
from harness.history.events import Event
from harness.model import Key
from harness.wire.exchange import Lane, digest, excerpt
from harness.wire.postgres_messages import CANCEL, GSSENC, SSL, Messages, Piece, Prepared, Statement, UnreadablePostgresError
from harness.wire.rules import Rule, delay, refuse_others
from harness.wire.streams import Close, Ending, Hold, Session, Side, Step, Tap
from harness.wire.telling import Telling

CARRIED = ("COMMIT", "ROLLBACK", "SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY")
ON_REQUESTS, ON_ANSWERS = ("request_lost", "held"), ("answer_lost", "latency")
ENDS = {"COMMIT": "COMMIT", "END": "COMMIT", "ROLLBACK": "ROLLBACK", "ABORT": "ROLLBACK"}
BEGINS = ("BEGIN", "START")
CHANGES_NOTHING = ("SELECT", "ROLLBACK", "SHOW", "VALUES", "TABLE", "EXPLAIN")
"""What a rule does not mean that names no operation: nothing is in doubt without its answer."""
NO_REQUESTS = ("SET", "RESET", "DISCARD", "LISTEN", "UNLISTEN", "DEALLOCATE", "CLOSE", "FETCH", "SAVEPOINT", "RELEASE")


def session(tap: Tap) -> Session:
    """Return what follows one connection to PostgreSQL."""
    return Postgres(tap)


def supports(rule: Rule) -> None:
    """Raise UsageError with a sentence for a rule that cannot act on a link to PostgreSQL."""
    refuse_others(rule, (*ON_REQUESTS, *ON_ANSWERS), "a link to PostgreSQL")
    problem = ""
    if rule.on is not None and rule.on not in CARRIED:
        problem = f"on={rule.on!r} decides no transaction; there are: {', '.join(CARRIED)}"
    elif rule.status is not None:
        problem = "no gateway answers in PostgreSQL's protocol; leave status= out"
    if problem:
        message = f"{rule.name} on {rule.link}: {problem}"
        raise UsageError(message)


@dataclass
class Round:
    """What a client said up to a point where the server has to answer: perhaps the end of a transaction, which is request `x`."""

    x: int = 0
    wire: str = ""
    key: str = ""
    code: str = ""
    tags: list[str] = field(default_factory=list)


class Postgres(Telling):
    """One connection to PostgreSQL."""

    def __init__(self, tap: Tap) -> None:
        super().__init__(tap)
        self._client, self._server = Messages(starting=True), Messages(starting=False)
        self._out, self._back = Lane(), Lane()
        self._prepared = Prepared()
        self._rounds: deque[Round] = deque()
        self._word = deque[str]()
        self._said: list[Statement] = []
        self._inside: list[Statement] | None = None
        self._said_goodbye = False  # the client has; then it may be the server's end of the connection that is seen first
        self._x = 0
        self._barrier: Hold | None = None
        declared = tap.recorder.resource(tap.link.partition("->")[2])
        self._key = Key(declared.key) if declared is not None and declared.key is not None else None

    def from_service(self, data: bytes) -> Iterator[Step]:
        """Take what the client says; see `Session`."""
        self.tap.recorder.settle()
        if self._barrier is not None and not self._barrier.done.done():
            yield self._barrier
        yield from self._followed(data, self._out, self._client, self._asked)

    def from_target(self, data: bytes) -> Iterator[Step]:
        """Take what the server says; see `Session`."""
        self.tap.recorder.settle()
        if self._word and not self.lost_track:  # one byte: whether it will encrypt
            asked, answer, data = self._word.popleft(), data[:1], data[1:]
            if answer != b"N":
                yield from self.gap(f"{asked}: what follows cannot be read")
            yield answer
        yield from self._followed(data, self._back, self._server, self._answered)

    def ended(self, by: Side, how: Ending) -> None:
        """Take note of an end: a transaction that had begun is none."""
        self.tap.recorder.settle()
        inside, self._inside = self._inside, None
        given_up = by == "service" or self._said_goodbye
        if inside and given_up and self.tap.at == "near" and not self.lost_track:
            event = self._request(Round(self._x + 1, "ROLLBACK"), inside)
            event.ok, event.data = False, {**(event.data or {}), "complete": False}
            deque(self.tell(event), maxlen=0)

    def carries(self, operation: str) -> bool:
        """Tell whether a transaction that ends so has no answer yet."""
        return any(one.wire == operation for one in self._rounds)

    def _followed(self, data: bytes, lane: Lane, messages: Messages, take: Callable[[Piece], Iterator[Step]]) -> Iterator[Step]:
        taken, pieces = 0, messages.feed(data)
        try:
            while not self._is_lost() and (piece := next(pieces, None)) is not None:
                taken += len(piece.raw)
                yield from take(piece)
        except UnreadablePostgresError as error:
            yield from self.gap(str(error))
        if self._is_lost() and (taken < len(data) or lane.kept):
            yield from lane.flush(data[taken:])

    def _is_lost(self) -> bool:
        return bool(self.lost_track)

    # --------------------------------------------------------------------------------------------------------- the client

    def _asked(self, piece: Piece) -> Iterator[Step]:
        if not piece.kind:
            yield from self._out.part(piece.raw, keep=self.tap.at == "near" and self._means(ON_REQUESTS))
        elif piece.kind == "start":
            yield from self._started(piece)
        else:
            self._said_goodbye = piece.kind == "X"
            self._said += self._prepared.take(piece.kind, piece.body)
            yield from self._round(piece.raw) if piece.kind in "QSF" else self._out.flush(piece.raw)
            self._out.reset()

    def _started(self, piece: Piece) -> Iterator[Step]:
        code = int.from_bytes(piece.body[:4], "big")
        if code in (SSL, GSSENC):
            self._word.append("TLS" if code == SSL else "GSSAPI")
        elif code != CANCEL:
            self._client.starting = False
            self._rounds.append(Round())
        yield from self._out.flush(piece.raw)
        self._out.reset()

    def _round(self, raw: bytes) -> Iterator[Step]:
        said, self._said = self._said, []
        ended = self._decided(said)
        one = Round()
        if ended is not None:
            self._x += 1
            one = Round(self._x, ended[0], self._found(ended[1]))
            yield from self.tell(self._request(one, ended[1]))
        rule = self._use(one, ON_REQUESTS) if ended is not None and self.tap.at == "near" else None
        if rule is not None and rule.name == "request_lost":
            yield Close()
            return
        if rule is not None:
            yield self.tap.recorder.until_disarmed(rule.id)
        self._rounds.append(one)
        yield from self._out.flush(raw)

    def _decided(self, said: list[Statement]) -> tuple[str, list[Statement]] | None:
        """Return by which word a transaction ends with these statements, and all that was said in it; None where none does."""
        found: tuple[str, list[Statement]] | None = None
        for one in said:
            if one.verb in BEGINS:
                self._inside = []
            elif one.verb in ENDS:
                found, self._inside = (ENDS[one.verb], [*(self._inside or ()), one]), None
            elif self._inside is not None:
                self._inside.append(one)
            elif one.verb not in NO_REQUESTS:
                found = (one.verb, [*(found[1] if found else ()), one])
        return found

    def _found(self, said: list[Statement]) -> str:
        keys = [] if self._key is None else [self._key.find(one.text) for one in said]
        return next((key for key in reversed(keys) if key), "")

    def _request(self, one: Round, said: list[Statement]) -> Event:
        text = "\n".join(statement.text for statement in said).encode()
        event = Event(kind="requested", wire=one.wire, key=one.key or self._found(said), x=one.x, size=len(text))
        event.digest, event.body = digest(text), excerpt(text)
        event.data = {"statements": [statement.verb for statement in said]}
        return event

    # --------------------------------------------------------------------------------------------------------- the server

    def _answered(self, piece: Piece) -> Iterator[Step]:
        one = self._rounds[0] if self._rounds else Round()
        keep = self.tap.at == "far" and bool(one.wire) and self._means(ON_ANSWERS, one.wire)
        if piece.kind == "E":
            one.code = next((word[1:] for word in piece.body.decode("utf-8", "replace").split("\0") if word[:1] == "C"), "")
        elif piece.kind == "C":
            one.tags.append(piece.body.rstrip(b"\0").decode("utf-8", "replace"))
        if piece.kind != "Z":
            yield from self._back.part(piece.raw, keep=keep)
            return
        if self._rounds:
            self._rounds.popleft()
        yield from self._ready(one, piece.raw)
        self._back.reset()

    def _ready(self, one: Round, raw: bytes) -> Iterator[Step]:
        if one.wire and self.tap.at == "far":
            late, lost = self._use(one, ("latency",)), self._use(one, ("answer_lost",))
            if late is not None:
                yield self.tap.recorder.pause(delay(late, self.tap.conn, one.x))
            if lost is not None:
                deque(self.tell(self._said_of(one)), maxlen=0)  # what the server said, which goes no further
                yield Close()
                return
        yield from self._back.flush(raw)
        if one.wire:
            for hold in self.tell(self._said_of(one)):
                self._barrier = hold if isinstance(hold, Hold) else None
                yield hold

    def _said_of(self, one: Round) -> Event:
        event = Event(kind="answered", wire=one.wire, key=one.key, x=one.x)
        event.ok = not one.code and not (one.wire == "COMMIT" and one.tags[-1:] == ["ROLLBACK"])
        event.data = {"tags": one.tags, **({"code": one.code} if one.code else {})}
        return event

    # -------------------------------------------------------------------------------------------------------------- rules

    def _means(self, names: tuple[str, ...], wire: str = "") -> bool:
        """Tell whether a rule of these names is armed, that could mean a transaction that ends so."""
        armed = self.tap.rules.armed(self.tap.link)
        return any(rule.name in names and (rule.on == wire or wire not in CHANGES_NOTHING) for rule in armed)

    def _use(self, one: Round, names: tuple[str, ...]) -> Rule | None:
        for rule in reversed(self.tap.rules.armed(self.tap.link)):
            is_meant = rule.on is not None or one.wire not in CHANGES_NOTHING
            if rule.name in names and is_meant and rule.fits(one.wire, one.key) and self.tap.rules.take(rule):
                self.record(Event(kind="bit", fault=rule.id, x=one.x, key=one.key, wire=one.wire))
                return rule
        return None
