"""A mail as keys and journals see it: who gets it, its subject and texts, and where its key stands. Nothing is sent here."""

import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser

from harness.errors import UsageError
from harness.history.events import Declaration, Event
from harness.model import Key
from harness.wire.exchange import digest, excerpt


@dataclass(frozen=True)
class Mail:
    """One mail. `recipients` are those of the envelope; `fields` its other header fields, by lower-case name."""

    sender: str = ""
    recipients: tuple[str, ...] = ()
    subject: str = ""
    text: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    def find(self, key: Key | None) -> str:
        """Return the key of this mail, empty where none is declared or found."""
        if key is None:
            return ""
        own = {"subject": self.subject, "to": ", ".join(self.recipients), "from": self.sender}
        return key.find(self.text, fields={**self.fields, **own}) or ""

    @property
    def identity(self) -> str:
        """What tells this mail from another where no key does: a retry may have another Message-ID and date, but not these."""
        return f"sha256:{digest(repr((self.sender, self.recipients, self.subject, self.text)))}"

    def describe(self, event: Event) -> Event:
        """Write into an event what the journal says of a mail."""
        event.body = excerpt(self.text.encode("utf-8", "replace"))
        event.digest = self.identity.removeprefix("sha256:")
        said: dict[str, object] = {"from": self.sender, "to": list(self.recipients), "subject": self.subject}
        event.data = {**(event.data or {}), **said}
        return event


def place(declared: Declaration | None) -> Key | None:
    """Return where the key of a mail to this mailbox stands."""
    return None if declared is None or declared.key is None else Key(declared.key)


def check_key(spec: str) -> None:
    """Raise UsageError for a key that no mail can have."""
    Key(spec)
    if spec.startswith("/") or spec.partition("~")[0].strip() == "path":
        message = f"mailbox(key={spec!r}): a mail has no JSON and no path; write subject ~ REGEX, to ~ REGEX or body ~ REGEX"
        raise UsageError(message)


def read(content: bytes, sender: str = "", recipients: Iterable[str] = ()) -> Mail:
    """Read a mail as it is sent (RFC 5322, MIME); never raises: what cannot be decoded is taken as it stands."""
    message = BytesParser().parsebytes(content)
    fields = {name.lower(): _decoded(value) for name, value in message.items()}
    texts = [_text(part) for part in message.walk() if part.get_content_maintype() == "text"]
    return Mail(sender, tuple(recipients), fields.get("subject", ""), "\n".join(texts), fields)


def _decoded(value: object) -> str:
    """Return a header field in one line, encoded words decoded."""
    text = " ".join(str(value).split())
    try:
        return str(make_header(decode_header(text)))
    except (MessageError, binascii.Error, LookupError, ValueError):
        return text


def _text(part: Message) -> str:
    found = part.get_payload(decode=True)
    data = found if isinstance(found, bytes) else b""
    try:
        return data.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return data.decode("utf-8", "replace")
