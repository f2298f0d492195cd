"""Resources with ground truth as a scenario sees them: what a service changes, and where an alarm would ring."""

from dataclasses import replace

from harness.history.events import Declaration
from harness.model import Key, Link, Moment
from harness.sandbox.effects import Either
from harness.sandbox.things import Context, Usable
from harness.services.parts import Parts
from harness.wire.mails import check_key


class Resource(Usable):
    """Something a service acts on; the harness is its far side, so it knows what really changed."""

    def __init__(self, context: Context, name: str) -> None:
        super().__init__(context, name)
        context.name(self)

    def requested(self, nth: int = 1, *, key: str | None = None) -> Moment:
        """Return the moment at which the nth request is complete and nothing has changed yet."""
        return Moment(self.thing_name, "requested", nth, key=key)

    def effected(self, nth: int = 1, *, key: str | None = None) -> Moment:
        """Return the moment after the nth change and before its answer: what begins here leaves that request in doubt."""
        return Moment(self.thing_name, "effected", nth, key=key)

    def answered(self, nth: int = 1, *, key: str | None = None) -> Moment:
        """Return the moment at which the last byte of the nth answer has left for the service: a clean outage begins here."""
        return Moment(self.thing_name, "answered", nth, key=key)

    def __or__(self, other: "Resource") -> Either:
        return Either(self, other)

    def reach(self, link: Link) -> int:
        """Open the link to this resource; return the port of its near tap."""
        return self._context.open(link, "http", self.thing_name)

    def parts(self, port: int) -> Parts:
        """Return the URL of this resource on the near tap at `port`."""
        return Parts(value=f"http://127.0.0.1:{port}", host="127.0.0.1", port=port, name=self.thing_name)


class Http(Resource):
    """An HTTP resource: POST, PUT and PATCH change it, GET asks. Without a key it is only asked."""

    word = "the http resource"

    def __init__(self, context: Context, name: str, *, key: str | None, version: str | None) -> None:
        for spec in (key, version):
            if spec is not None:
                Key(spec)
        super().__init__(context, name)
        declaration = Declaration(what="resource", name=name, kind="http", key=key, version=version)
        context.declare(declaration)
        context.world.open_resource(name, "http", {"key": key, "version": version})


class Alarms(Resource):
    """A sink for alarms: every POST counts as one notice."""

    word = "the alarm sink"

    def __init__(self, context: Context, name: str) -> None:
        super().__init__(context, name)
        context.declare(Declaration(what="alarms", name=name, kind="alarms"))
        context.world.open_resource(name, "alarms", {})


class Mailbox(Resource):
    """A mailbox, reached by SMTP on links of its own: every mail it takes is an effect. `aws.mailbox` is reached by SES too."""

    word = "the mailbox"

    def __init__(self, context: Context, name: str, *, key: str | None, ses: bool = False) -> None:
        if key is not None:
            check_key(key)
        super().__init__(context, name)
        context.declare(Declaration(what="resource", name=name, kind="ses" if ses else "mailbox", key=key))
        context.world.open_resource(name, "mailbox", {"key": key})

    def reach(self, link: Link) -> int:
        """Open the link to this mailbox; return the port of its near tap."""
        return self._context.open(link, "smtp", self.thing_name)

    def parts(self, port: int) -> Parts:
        """Return the address of this mailbox on the near tap at `port`; it takes any user and password."""
        return replace(super().parts(port), value=f"smtp://127.0.0.1:{port}", user="user", password="password")  # noqa: S106 (any is right)
