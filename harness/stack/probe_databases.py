"""What the harness itself asks PostgreSQL and Redis, in their own protocols. No client library takes part."""

import socket
import struct
from collections.abc import Iterator

from harness.address import Address
from harness.errors import StackLostError, UsageError
from harness.stack.probe import WITHIN, NoAnswerError

PROTOCOL = 196_608  # 3.0
_LENGTH = 4
Row = tuple[str | None, ...]


class QueryError(UsageError):
    """PostgreSQL refused a statement; `code` is its SQLSTATE."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class Session:
    """One connection to a database of PostgreSQL that trusts its clients, as ours does."""

    def __init__(self, address: Address, user: str, database: str) -> None:
        self._address = address
        self._socket = socket.create_connection((address.host, address.port), timeout=WITHIN)
        told = f"user\0{user}\0database\0{database}\0application_name\0harness\0\0".encode()
        try:
            self._socket.sendall(struct.pack("!ii", len(told) + 8, PROTOCOL) + told)
            self._until_ready("connect")
        except BaseException:
            self.close()
            raise

    def rows(self, statement: str) -> list[Row]:
        """Return the rows that a statement gives, as text; QueryError where it is refused."""
        told = statement.encode() + b"\0"
        self._socket.sendall(b"Q" + struct.pack("!i", len(told) + _LENGTH) + told)
        return self._until_ready(statement)

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def _until_ready(self, statement: str) -> list[Row]:
        found: list[Row] = []
        refused: QueryError | None = None
        while True:
            kind, body = self._message()
            if kind == b"D":
                found.append(tuple(_columns(body)))
            elif kind == b"E":
                fields = {field[:1]: field[1:] for field in body.decode("utf-8", "replace").split("\0") if field}
                refused = QueryError(f"PostgreSQL refuses {statement!r}: {fields.get('M', '')}", fields.get("C", ""))
            if kind == b"Z" or (refused is not None and statement == "connect"):
                break
        if refused is not None:
            raise refused
        return found

    def _message(self) -> tuple[bytes, bytes]:
        kind, length = struct.unpack("!ci", self._read(1 + _LENGTH))
        return kind, self._read(length - _LENGTH)

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._socket.recv(size - len(data))
            if not piece:
                message = f"PostgreSQL at {self._address} has closed the connection"
                raise ConnectionResetError(message)
            data += piece
        return data


def _columns(body: bytes) -> Iterator[str | None]:
    at = 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        (length,) = struct.unpack("!i", body[at : at + _LENGTH])
        at += _LENGTH
        yield None if length < 0 else body[at : at + length].decode("utf-8", "replace")
        at += max(length, 0)


def postgres(address: Address, user: str) -> str:
    """Return PostgreSQL's version; raises NoAnswerError until it answers."""
    try:
        session = Session(address, user, "template1")
    except (OSError, QueryError) as error:
        message = f"does not answer: {error}"
        raise NoAnswerError(message) from error
    try:
        return str(session.rows("SHOW server_version")[0][0]).partition(" ")[0]
    finally:
        session.close()


def redis(address: Address) -> str:
    """Return Redis's version; raises NoAnswerError until it answers."""
    try:
        with socket.create_connection((address.host, address.port), timeout=WITHIN) as connection:
            connection.sendall(_said(("INFO", "server")))
            answer = connection.recv(65536).decode("utf-8", "replace")
    except OSError as error:
        message = f"does not answer: {error!r}"
        raise NoAnswerError(message) from error
    found = [line.partition(":")[2] for line in answer.splitlines() if line.startswith("redis_version:")]
    if not found:
        message = f"answers, but not as Redis does: {answer[:60]!r}"
        raise NoAnswerError(message)
    return found[0]


def flush(address: Address, number: int) -> None:
    """Have a database of Redis forget everything; StackLostError where it cannot be told."""
    try:
        with socket.create_connection((address.host, address.port), timeout=WITHIN) as connection:
            connection.sendall(_said(("SELECT", str(number))) + _said(("FLUSHDB",)))
            answer = b""
            while answer.count(b"\r\n") < 2 and (piece := connection.recv(4096)):  # noqa: PLR2004 (two answers)
                answer += piece
    except OSError as error:
        message = f"Redis at {address} does not answer any more: {error}"
        raise StackLostError(message) from error
    if answer != b"+OK\r\n+OK\r\n":
        message = f"Redis at {address} did not forget: {answer.decode('utf-8', 'replace')!r}"
        raise StackLostError(message)


def _said(words: tuple[str, ...]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in (one.encode() for one in words))
