"""The protocols of links, by the name that opens one: a new wire is one entry here."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from harness.wire import amqp, http, postgres, ses, smtp, tcp
from harness.wire.link import Opener
from harness.wire.rules import Rule


class Wire(NamedTuple):
    """One protocol: what follows a connection, which rules it can carry out (else UsageError), which operations it carries."""

    session: Opener
    supports: Callable[[Rule], None]
    carried: tuple[str, ...]


WIRES: Mapping[str, Wire] = {
    "amqp": Wire(amqp.session, amqp.supports, amqp.CARRIED),
    "sqs": Wire(ses.session, ses.supports, ses.CARRIED),
    "http": Wire(http.session, http.supports, http.METHODS),
    "smtp": Wire(smtp.session, smtp.supports, smtp.CARRIED),
    "postgres": Wire(postgres.session, postgres.supports, postgres.CARRIED),
    "tcp": Wire(tcp.session, tcp.supports, tcp.CARRIED),
}
