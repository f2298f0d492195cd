"""What a near tap records of a link to a mailbox over SMTP: mails that went on, answers to them, and what rules did to them.

A mail is one request: `requested` when its content is whole, `answered` when the reply to it has left. The mailbox is its own far
side. While a rule is armed that may keep a mail from it, the tap invites the content itself (354) and passes all on together.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from harness.errors import UsageError
from harness.history.events import Event
from harness.wire.exchange import Lane, leave_out
from harness.wire.mails import place, read
from harness.wire.messages import LARGEST_KEPT
from harness.wire.rules import Rule, delay, refuse_others
from harness.wire.smtp_lines import Client, Reply, Said, Server, UnreadableSmtpError, address, unstuffed
from harness.wire.streams import Back, Close, Ending, Hold, Session, Side, Step, Tap

COMMANDS = ("MAIL", "RCPT", "DATA")
CARRIED = ("DATA",)
FAULTS = ("answer_lost", "request_lost", "status", "held", "latency")
ON_MAILS = ("request_lost", "status", "held")
INVITATION = b"354 End data with <CR><LF>.<CR><LF>\r\n"
CLOSING, ERRORS = 421, 400
TEXTS: Mapping[object, str] = {
    421: "Service not available, closing transmission channel",
    450: "Mailbox unavailable",
    451: "Local error in processing",
    452: "Insufficient system storage",
    550: "Mailbox unavailable",
    552: "Exceeded storage allocation",
    554: "Transaction failed",
}
"""What RFC 5321 4.2 says beside these codes."""


def session(tap: Tap) -> Session:
    """Return what follows one connection to a mailbox."""
    return Smtp(tap)


def supports(rule: Rule) -> None:
    """Raise UsageError with a sentence for a rule that cannot act on a link to a mailbox."""
    refuse_others(rule, FAULTS, "a link that mails are sent on")
    problem = ""
    if rule.on is not None and rule.on not in (COMMANDS if rule.name == "status" else ("DATA",)):
        problem = f"on={rule.on!r} is nothing that it can act on; there are: {', '.join(COMMANDS)} (status), DATA (all others)"
    elif rule.name == "status" and not (isinstance(rule.code, int) and ERRORS <= rule.code < 600):  # noqa: PLR2004 (SMTP's own)
        problem = f"{rule.code!r} is no error of SMTP (400 to 599), as in status(link, 451) for try again, 550 for never"
    elif rule.name == "status" and (rule.headers or not (rule.body or "").isprintable()):
        problem = "a reply of SMTP has no headers, and its body is one line: status(link, 451, body='Try again later')"
    if problem:
        message = f"{rule.name} on {rule.link}: {problem}"
        raise UsageError(message)


P = TypeVar("P", Said, Reply)


@dataclass
class Awaited:
    """Something said whose reply is awaited: a command, or `content` (the whole mail `x`). `swallowed`: the tap said it."""

    verb: str
    argument: str = ""
    x: int = 0
    key: str = ""
    swallowed: bool = False


class Smtp:
    """One connection to a mailbox."""

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.lost_track = ""
        self._client = Client()
        self._server = Server()
        self._key = place(tap.recorder.resource(tap.link.partition("->")[2]))
        self._awaited: deque[Awaited] = deque([Awaited("greeting")])
        self._challenged = False
        self._sender = ""
        self._recipients: list[str] = []
        self._content = bytearray()
        self._size = 0
        self._kept = False
        self._x = 0
        self._line = b""
        self._out, self._back = Lane(), Lane()
        self._barrier: Hold | None = None

    # ----------------------------------------------------------------------------------------------------------- session

    def from_service(self, data: bytes) -> Iterator[Step]:
        """Take what the service says; see `Session`."""
        if self._barrier is not None and not self._barrier.done.done():
            yield self._barrier
        yield from self._followed(data, self._out, self._client.feed(data), self._said)

    def from_target(self, data: bytes) -> Iterator[Step]:
        """Take what the mailbox says; see `Session`."""
        yield from self._followed(data, self._back, self._server.feed(data), self._replied)

    def _followed(self, data: bytes, lane: Lane, pieces: Iterator[P], take: Callable[[P], Iterator[Step]]) -> Iterator[Step]:
        """Take piece by piece; from where this cannot be followed on everything passes."""
        taken = 0
        try:
            while not self._is_lost() and (piece := next(pieces, None)) is not None:
                taken += len(piece.raw)
                yield from take(piece)
        except UnreadableSmtpError as error:
            yield from self._gap(str(error))
        if self._is_lost() and taken < len(data):
            yield from lane.flush(data[taken:])

    def _is_lost(self) -> bool:
        return bool(self.lost_track)

    def ended(self, by: Side, how: Ending) -> None:
        """Take note of an end: nothing is left to be said."""

    def carries(self, operation: str) -> bool:
        """Tell whether a mail's content is under way, or its reply awaited."""
        return operation in CARRIED and (self._size > 0 or any(one.verb == "content" for one in self._awaited))

    def _gap(self, reason: str) -> Iterator[Step]:
        self.lost_track = reason
        yield from self._tell(Event(kind="gap", data={"reason": reason}))

    def _tell(self, event: Event) -> Iterator[Hold]:
        event.at, event.link, event.conn = self.tap.at, self.tap.link, self.tap.conn
        hold = self.tap.recorder.record(event)
        if hold is not None:
            yield hold

    # ------------------------------------------------------------------------------------------------- what a service says

    def _said(self, said: Said) -> Iterator[Step]:
        return self._content_said(said) if said.is_content else self._line_said(said)

    def _line_said(self, said: Said) -> Iterator[Step]:
        self._line += said.raw
        if not said.whole:
            yield from self._out.part(said.raw, keep=any(rule.name in ON_MAILS for rule in self._armed()))
            return
        line, self._line = self._line, b""
        verb, _, argument = line.decode("latin-1").strip().partition(" ")
        one = Awaited("AUTH" if self._challenged else verb.upper(), argument)
        self._challenged = False
        yield from self._own_reply(one) or self._passed_on(one, said.raw)
        self._out.reset()

    def _passed_on(self, one: Awaited, raw: bytes) -> Iterator[Step]:
        if one.verb == "BDAT":
            yield from self._gap("a mail in chunks (BDAT) is not followed")
        self._awaited.append(one)
        yield from self._out.flush(raw)

    def _own_reply(self, one: Awaited) -> tuple[Step, ...]:
        """Return what the tap itself replies to a command: only in its turn, and where nothing of the command has gone on."""
        if self._awaited or self._out.gone:
            return ()
        if one.verb == "DATA" and self._recipients and any(rule.name in ON_MAILS for rule in self._armed("DATA", None)):
            self._kept = True
            self._client.content()
            return (Back(INVITATION),)
        for rule in self._armed(one.verb) if one.verb in ("MAIL", "RCPT") else ():
            if rule.name == "status" and rule.key is None and self.tap.rules.take(rule):
                self._bit(rule, one.verb, self._x + 1, "")
                return (Back(_reply(rule.code, rule.body)),)
        return ()

    def _content_said(self, said: Said) -> Iterator[Step]:
        self._size += len(said.raw)
        if self._kept or len(self._content) < LARGEST_KEPT:
            self._content += said.raw
        if said.whole:
            yield from self._mail(said.raw)
        elif not self._kept:
            yield said.raw
        elif len(self._content) > LARGEST_KEPT:
            yield self._let_go(self._content)

    def _let_go(self, content: bytes | bytearray) -> bytes:
        self._kept = False
        self._awaited.append(Awaited("DATA", swallowed=True))
        return b"DATA\r\n" + content

    def _mail(self, raw: bytes) -> Iterator[Step]:
        mail = read(unstuffed(bytes(self._content)), self._sender, self._recipients)
        self._x += 1
        one = Awaited("content", x=self._x, key=mail.find(self._key))
        yield from self._tell(mail.describe(Event(kind="requested", wire="DATA", key=one.key, x=one.x, size=self._size)))
        yield from self._forward(one, raw)
        self._sender, self._recipients, self._content, self._size, self._kept = "", [], bytearray(), 0, False

    def _forward(self, one: Awaited, raw: bytes) -> Iterator[Step]:
        rule = self._use(one, ON_MAILS)
        if rule is None:
            content = self._let_go(self._content) if self._kept else raw
            self._awaited.append(one)
            yield content
        elif rule.name == "held":
            yield self.tap.recorder.until_disarmed(rule.id)
            yield from self._forward(one, raw)
        elif rule.name == "request_lost":
            yield Close()
        else:
            leave_out(self.tap, one.x)
            yield Back(_reply(rule.code, rule.body))
            yield from self._answered(one, int(rule.code or 0), rule.id)
            yield from self._forgotten(int(rule.code or 0))

    def _forgotten(self, code: int) -> Iterator[Step]:
        """Have the mailbox forget a mail that the tap has refused; after 421, or where it has begun to read it, the end."""
        if code == CLOSING or not self._kept:
            yield Close()
            return
        self._awaited.append(Awaited("RSET", swallowed=True))
        yield b"RSET\r\n"

    # ------------------------------------------------------------------------------------------------ what a mailbox says

    def _replied(self, reply: Reply) -> Iterator[Step]:
        one = self._awaited[0] if self._awaited else Awaited("")
        if not reply.code:
            keep = one.swallowed or (one.verb == "content" and bool(self._armed()))
            yield from self._back.part(reply.raw, keep=keep)
            return
        if self._awaited:
            self._awaited.popleft()
        if one.verb == "content":
            yield from self._mail_replied(one, reply)
        elif not one.swallowed:
            yield from self._back.flush(reply.raw)
            yield from self._understood(one, reply.code)
        self._back.reset()

    def _understood(self, one: Awaited, code: int) -> Iterator[Step]:
        match one.verb, code:
            case ("MAIL", 250):
                self._sender, self._recipients = address(one.argument), []
            case ("RCPT", 250 | 251 | 252):
                self._recipients.append(address(one.argument))
            case ("DATA", 354):
                self._client.content()
            case ("AUTH", 334):
                self._challenged = True
            case ("STARTTLS", 220):
                yield from self._gap("STARTTLS: what follows cannot be read")
            case ("RSET" | "EHLO" | "HELO", _):
                self._sender, self._recipients = "", []
            case _:
                pass

    def _mail_replied(self, one: Awaited, reply: Reply) -> Iterator[Step]:
        late = self._use(one, ("latency",))
        if late is not None:
            yield self.tap.recorder.pause(delay(late, self.tap.conn, one.x))
        lost = self._use(one, ("answer_lost",))
        if lost is None:
            yield from self._back.flush(reply.raw)
            yield from self._answered(one, reply.code, "")
        elif lost.status is None or self._back.gone:
            yield Close()
        else:
            yield _reply(lost.status, None)
            yield from self._answered(one, lost.status, lost.id)

    def _answered(self, one: Awaited, code: int, fault: str) -> Iterator[Step]:
        event = Event(kind="answered", wire="DATA", key=one.key, x=one.x, status=code, ok=code < ERRORS, fault=fault)
        for hold in self._tell(event):
            self._barrier = hold
            yield hold

    # -------------------------------------------------------------------------------------------------------------- rules

    def _armed(self, *on: str | None) -> list[Rule]:
        """Return the rules of this link, the one injected last first; with `on` those that name one of these."""
        return [rule for rule in reversed(self.tap.rules.armed(self.tap.link)) if not on or rule.on in on]

    def _use(self, one: Awaited, names: tuple[str, ...]) -> Rule | None:
        """Use up the latest rule of these names that means this mail, and record that it bit."""
        for rule in self._armed("DATA", None):
            if rule.name in names and rule.fits("DATA", one.key) and self.tap.rules.take(rule):
                self._bit(rule, "DATA", one.x, one.key)
                return rule
        return None

    def _bit(self, rule: Rule, wire: str, x: int, key: str) -> None:
        deque(self._tell(Event(kind="bit", fault=rule.id, x=x, key=key, wire=wire)), maxlen=0)


def _reply(code: object, text: str | None) -> bytes:
    return f"{code} {text or TEXTS.get(code, 'Error')}\r\n".encode()
