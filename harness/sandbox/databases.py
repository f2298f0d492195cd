"""PostgreSQL and Redis in a sandbox: a database of its own in servers that its run starts when the first scenario asks.

What a service changed in PostgreSQL is known from the rows themselves, read straight from the server: a row that is committed is
an effect, whatever became of the answer. It is seen when it is looked for, so its time is an interval (`data.since` to `t`).
"""

import re
import threading
from collections import Counter
from dataclasses import replace

from harness.address import LOOPBACK
from harness.errors import StackLostError, UsageError
from harness.history.events import Declaration, Event
from harness.model import Key, Link
from harness.sandbox.resources import Resource
from harness.sandbox.things import Context, Usable
from harness.services.parts import Parts
from harness.stack.databases import USER
from harness.stack.probe_databases import QueryError, Row, Session, flush

NOT_YET = {"42P01", "42703", "3F000"}
"""What PostgreSQL says of a table, column or schema that is not there: a service may make it later."""
SYNTAX = "42601"


class Postgres(Resource):
    """A database of PostgreSQL. The rows that `effect` gives are its effects: a key, and perhaps a version, in each."""

    word = "the postgres database"

    def __init__(self, context: Context, name: str, *, effect: str, key: str | None = None) -> None:
        if key is not None:
            Key(key)
        self._server = context.databases.postgres()
        self._database = _plain(f"{context.ident}_{name}")
        self._effect = effect
        self._lock = threading.Lock()
        self._before: Counter[Row] = Counter()
        self._read = 0.0
        super().__init__(context, name)
        context.declare(Declaration(what="resource", name=name, kind="postgres", key=key))
        self._told("template1", f'CREATE DATABASE "{self._database}" TEMPLATE template0')
        context.ends.append(lambda: self._told("template1", f'DROP DATABASE "{self._database}" WITH (FORCE)'))
        self._session = Session(self._server.address, USER, self._database)
        context.ends.append(self._session.close)
        self._rows()  # what cannot be read at all is refused here
        context.readers.append(self.read)

    def run(self, statement: str) -> list[Row]:
        """Run SQL of the harness's own, straight on the server, and return its rows as text: CREATE TABLE ..., INSERT ...

        Rows it makes are no effects. Raises UsageError, with what PostgreSQL says, where it is refused.
        """
        with self._lock:
            found = self._session.rows(statement)
            self._before = Counter(self._rows())
            return found

    def read(self) -> None:
        """Look for rows that have come, and record each as an effect."""
        with self._lock:
            since, self._read = self._read, self._context.time()
            try:
                now = Counter(self._rows())
            except OSError as error:
                message = f"PostgreSQL at {self._server.address} does not answer any more: {error}"
                raise StackLostError(message) from error
            new, self._before = now - self._before, now
        for row in new.elements():
            key, *more = row
            data: dict[str, object] = {"resource": self.thing_name, "since": round(since, 6)}
            if more and more[0] is not None:
                data["version"] = more[0]
            self._context.record(Event(kind="effected", at="resource", wire="row", key=key or "", data=data))

    def _rows(self) -> list[Row]:
        try:
            return [row for row in self._session.rows(self._effect) if row]
        except QueryError as error:
            if error.code in NOT_YET:
                return []
            message = f"postgres({self.thing_name!r}, effect={self._effect!r}): {error}"
            raise UsageError(message) from error

    def _told(self, database: str, statement: str) -> None:
        session = Session(self._server.address, USER, database)
        try:
            session.rows(statement)
        finally:
            session.close()

    def reach(self, link: Link) -> int:
        """Open the link to this database; return the port of its near tap."""
        return self._context.open(link, "postgres", (self._server.address.host, self._server.address.port))

    def parts(self, port: int, host: str = LOOPBACK) -> Parts:
        """Return the URL of this database on the near tap at `port`; `name` is the database's, any password is right."""
        url = f"postgresql://{USER}:{USER}@{host}:{port}/{self._database}"
        return replace(super().parts(port, host), value=url, user=USER, password=USER, name=self._database)


class Redis(Usable):
    """A database of Redis: a cache, of which no effect is asked."""

    word = "the redis database"

    def __init__(self, context: Context, name: str) -> None:
        self._server = context.databases.redis()
        self._number = context.databases.number()
        super().__init__(context, name)
        context.name(self)
        context.declare(Declaration(what="resource", name=name, kind="redis"))
        context.ends.append(self.flush)

    def flush(self) -> None:
        """Have it forget everything, as a cache does that was restarted."""
        flush(self._server.address, self._number)

    def reach(self, link: Link) -> int:
        """Open the link to this database; return the port of its near tap."""
        return self._context.open(link, "tcp", (self._server.address.host, self._server.address.port))

    def parts(self, port: int, host: str = LOOPBACK) -> Parts:
        """Return the URL of this database on the near tap at `port`; `name` is its number."""
        url = f"redis://{host}:{port}/{self._number}"
        return Parts(value=url, host=host, port=port, name=str(self._number))


def _plain(name: str) -> str:
    return re.sub(r"\W", "_", name)[:63].lower()
