"""RabbitMQ's management API, as far as sandboxes need it: vhosts, permissions, connections. AMQP itself is not spoken here."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from harness.address import Address
from harness.errors import StackError
from harness.stack.probe import NoAnswerError, basic, request


@dataclass(frozen=True)
class Connection:
    """One AMQP connection as the broker sees it; the peer is the client's end, so its port is unique on a loopback."""

    name: str
    vhost: str
    user: str
    peer_host: str
    peer_port: int


class Management:
    """One broker's management API. Every call ends after `within` seconds; all raise StackError when it fails."""

    def __init__(self, host: str, port: int, user: str, password: str, *, within: float = 10.0) -> None:
        self._address = Address(host, port)
        self._user = user
        self._headers = basic(user, password)
        self._within = within

    def create_vhost(self, name: str, *, default_queue_type: str | None = None) -> None:
        """Make a vhost in which this user may do everything; one that exists already is left as it is."""
        wanted = {} if default_queue_type is None else {"default_queue_type": default_queue_type}
        self._ask("PUT", f"/api/vhosts/{quote(name, safe='')}", wanted)
        self.grant(name)

    def delete_vhost(self, name: str) -> None:
        """Remove a vhost with its queues, and close its connections; one that does not exist is no error."""
        self._ask("DELETE", f"/api/vhosts/{quote(name, safe='')}")

    def grant(self, vhost: str, *, configure: str = ".*", write: str = ".*", read: str = ".*") -> None:
        """Give this user these permissions in a vhost (regular expressions on names)."""
        path = f"/api/permissions/{quote(vhost, safe='')}/{quote(self._user, safe='')}"
        self._ask("PUT", path, {"configure": configure, "write": write, "read": read})

    def vhosts(self) -> list[str]:
        """Return the names of all vhosts."""
        return [str(one["name"]) for one in self._list("/api/vhosts?columns=name")]

    def connections(self, vhost: str | None = None) -> list[Connection]:
        """Return the open connections, those of one vhost or all. The broker's lists lag up to 5 s behind the wire."""
        path = "/api/connections" if vhost is None else f"/api/vhosts/{quote(vhost, safe='')}/connections"
        return [
            Connection(
                name=str(one.get("name")),
                vhost=str(one.get("vhost")),
                user=str(one.get("user")),
                peer_host=str(one["peer_host"]),
                peer_port=int(str(one["peer_port"])),
            )
            for one in self._list(path)
            if "peer_port" in one  # one that is just being opened has no fields yet
        ]

    def close_connection(self, name: str, *, reason: str = "closed by the harness") -> None:
        """Close one connection by the name `connections` gives; one that has gone is no error."""
        self._ask("DELETE", f"/api/connections/{quote(name, safe='')}", headers={"X-Reason": reason})

    def _list(self, path: str) -> list[Mapping[str, object]]:
        data = json.loads(self._ask("GET", path))
        if not isinstance(data, list):
            message = f"RabbitMQ's management at {self._address}: GET {path} gave no list"
            raise StackError(message)
        return data

    def _ask(self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> bytes:
        try:
            sent = {**self._headers, **(headers or {})}
            status, answer = request(self._address, method, path, body=body, headers=sent, within=self._within)
        except NoAnswerError as error:
            message = f"RabbitMQ's management at {self._address} {error}; is the broker still running?"
            raise StackError(message) from error
        gone = method == "DELETE" and status == http.HTTPStatus.NOT_FOUND
        if status >= http.HTTPStatus.BAD_REQUEST and not gone:
            said = answer.decode(errors="replace")[:200]
            message = f"RabbitMQ's management at {self._address} refused {method} {path}: {status} {said}"
            raise StackError(message)
        return answer
