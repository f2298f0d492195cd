"""A mailbox that knows which mails it took, however they came: by SMTP (smtp.py), by the calls of SES.

The order of one mail is: `requested`, it is stored, `effected`, the answer, `answered`; each event can be a barrier. A mail whose
content never ended was requested, and was not whole.
"""

from collections.abc import Generator, Mapping

from harness.history.events import Event
from harness.model import Key
from harness.resources.serving import checked, telling
from harness.resources.smtp import Smtp
from harness.wire.mails import Mail, check_key
from harness.wire.streams import Step, Tap, Terminal


class Mailbox:
    """The mailbox. `mails` is the ground truth: what was taken, in order. Its setting `key` says where a mail's key stands."""

    def __init__(self, name: str, settings: Mapping[str, object]) -> None:
        checked(name, settings, ("key",))
        self.name = name
        self.mails: list[Mail] = []
        spec = settings.get("key")
        if spec is not None:
            check_key(str(spec))
        self._key = None if spec is None else Key(str(spec))

    def session(self, tap: Tap) -> Terminal:
        """Return what answers one connection over SMTP."""
        return Smtp(self, tap)

    def requested(self, wire: str, x: int, mail: Mail) -> Event:
        """Return the event of a mail that is asked to be taken."""
        event = mail.describe(Event(kind="requested", wire=wire, x=x, key=mail.find(self._key)))
        event.data = {**(event.data or {}), "resource": self.name}  # of a call to AWS the link does not tell
        return event

    def take(self, tap: Tap, wire: str, x: int, mail: Mail) -> Generator[Step, None, str]:
        """Take a mail, with the barriers before and after; return its key, empty where it was cut before it was taken."""
        cut = yield from telling(tap, self.requested(wire, x, mail))
        if cut:
            return ""
        self.mails.append(mail)
        key = mail.find(self._key) or mail.identity
        yield from telling(
            tap, Event(kind="effected", wire=wire, x=x, key=key, data={"count": len(self.mails), "resource": self.name})
        )
        return key
