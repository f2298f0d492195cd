"""The server that a mailbox is on SMTP: it takes every mail with a sender and a recipient, and every password."""

from collections.abc import Callable, Iterator, Mapping

from harness.history.events import Event
from harness.resources.serving import telling
from harness.wire.exchange import number_after
from harness.wire.mails import Mail, read
from harness.wire.messages import LARGEST_KEPT
from harness.wire.smtp_lines import Client, Said, UnreadableSmtpError, address, unstuffed
from harness.wire.streams import Close, Ending, Postbox, Step, Tap

GREETING = "220 mailbox.test ESMTP"
EXTENSIONS = ("mailbox.test", "8BITMIME", f"SIZE {LARGEST_KEPT}", "SMTPUTF8", "AUTH PLAIN LOGIN")
USERNAME, PASSWORD = "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"


class Smtp:
    """One connection to a mailbox over SMTP."""

    def __init__(self, mailbox: Postbox, tap: Tap) -> None:
        self._mailbox = mailbox
        self._tap = tap
        self._client = Client()
        self._line = b""
        self._content = bytearray()
        self._size = 0
        self._is_reading = False
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._asks: list[str] = []
        self._x = 0
        self._closed = False
        self._commands: Mapping[str, Callable[[str], tuple[str, ...]]] = {
            "EHLO": self._hello,
            "HELO": lambda _: self._reset("250 mailbox.test"),
            "AUTH": self._login,
            "MAIL": self._begin,
            "RCPT": self._recipient,
            "DATA": self._data,
            "RSET": lambda _: self._reset("250 2.0.0 OK"),
            "NOOP": lambda _: ("250 2.0.0 OK",),
            "VRFY": lambda _: ("252 2.5.0 It is tried",),
            "QUIT": lambda _: ("221 2.0.0 Bye",),
        }

    def opened(self) -> Iterator[Step]:
        """Greet."""
        yield _lines(GREETING)

    def received(self, data: bytes) -> Iterator[Step]:
        """Answer what is whole by these bytes."""
        try:
            for said in self._client.feed(b"" if self._closed else data):
                yield from self._content_said(said) if said.is_content else self._line_said(said)
        except UnreadableSmtpError as error:
            self._closed = True
            yield from telling(self._tap, Event(kind="gap", data={"reason": str(error)}))
            yield Close(answer=_lines("500 5.5.2 Line too long"))

    def ended(self, how: Ending) -> None:
        """Take note of an end; a mail whose content had begun will never be whole."""
        del how
        if self._is_reading and not self._closed:
            event = self._mailbox.requested("DATA", number_after(self._tap, self._x), self._mail())
            event.ok, event.data = False, {**(event.data or {}), "complete": False}
            for _hold in telling(self._tap, event):
                pass  # nothing is left that could wait
        self._closed = True

    def _line_said(self, said: Said) -> Iterator[Step]:
        self._line += said.raw
        if not said.whole:
            return
        line, self._line = self._line.decode("latin-1").strip(), b""
        if self._asks:
            yield _lines(self._asks.pop(0))
            return
        verb, _, argument = line.partition(" ")
        command = self._commands.get(verb.upper())
        yield _lines(*(command(argument) if command is not None else ("502 5.5.1 Not implemented",)))
        if verb.upper() == "QUIT":
            self._closed = True
            yield Close()

    def _hello(self, _: str) -> tuple[str, ...]:
        *first, last = EXTENSIONS
        return (*self._reset(), *(f"250-{one}" for one in first), f"250 {last}")

    def _reset(self, *said: str) -> tuple[str, ...]:
        self._sender, self._recipients = None, []
        return said

    def _login(self, argument: str) -> tuple[str, ...]:
        mechanism, _, initial = argument.upper().partition(" ")
        asked = {"PLAIN": ["334 "], "LOGIN": [USERNAME, PASSWORD]}.get(mechanism)
        if asked is None:
            return ("504 5.5.4 Only PLAIN and LOGIN",)
        first, *self._asks = [*asked[bool(initial) :], "235 2.7.0 Welcome"]
        return (first,)

    def _begin(self, argument: str) -> tuple[str, ...]:
        if self._sender is not None:
            return ("503 5.5.1 A mail has begun",)
        self._sender = address(argument)
        return ("250 2.1.0 OK",)

    def _recipient(self, argument: str) -> tuple[str, ...]:
        if self._sender is None:
            return ("503 5.5.1 MAIL first",)
        self._recipients.append(address(argument))
        return ("250 2.1.5 OK",)

    def _data(self, _: str) -> tuple[str, ...]:
        if not self._recipients:
            return ("503 5.5.1 RCPT first",)
        self._client.content()
        self._is_reading = True
        return ("354 End data with <CR><LF>.<CR><LF>",)

    def _mail(self) -> Mail:
        return read(unstuffed(bytes(self._content)), self._sender or "", self._recipients)

    def _content_said(self, said: Said) -> Iterator[Step]:
        self._size += len(said.raw)
        if self._size <= LARGEST_KEPT:
            self._content += said.raw
        if said.whole:
            self._x = number_after(self._tap, self._x)
            mail, size = self._mail(), self._size
            self._content, self._size, self._is_reading = bytearray(), 0, False
            self._reset()
            yield from self._whole(mail, self._x) if size <= LARGEST_KEPT else (_lines("552 5.3.4 Too large"),)

    def _whole(self, mail: Mail, x: int) -> Iterator[Step]:
        key = yield from self._mailbox.take(self._tap, "DATA", x, mail)
        if key:
            yield _lines(f"250 2.0.0 OK: mail {x} of this connection")
            yield from telling(self._tap, Event(kind="answered", wire="DATA", x=x, key=key, status=250, ok=True))


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
