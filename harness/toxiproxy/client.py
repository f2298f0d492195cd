"""The adapter around toxiproxy-python: proxies, their weather, and errors that say what happened. It starts no server.

Of that library only its lower level, `APIConsumer`, is used. Its `Toxiproxy` and `Proxy` keep host and port in class attributes
(two servers in one process overwrite each other), set no time limit, list all proxies before each `create`, cannot update a
toxic, and read a 5xx answer as a success without fields (`KeyError: 'name'`). A subclass of `APIConsumer` per server with every
call given a time limit and its status looked at has none of these.
"""

import contextlib
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from harness.address import LOOPBACK, reserved
from harness.errors import StackError, UsageError
from harness.toxiproxy.toxics import LONGEST, Stream, Toxic, milliseconds


@dataclass(frozen=True)
class ProxyState:
    """One proxy as the server shows it: where it listens, where it leads, whether it is on, and its toxics by name."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: Mapping[str, Mapping[str, object]]


class _ThereAlreadyError(UsageError):
    """The server knows this name already (409)."""


class Toxiproxy:
    """One Toxiproxy server. Safe to use from several threads; every call ends after `within` seconds.

    All methods raise StackError when the server does not answer or cannot do it, UsageError when the name does not exist,
    exists already, or the value is not one.
    """

    def __init__(self, host: str, port: int, *, within: float = 10.0) -> None:
        self._where = f"Toxiproxy at {host}:{port}"
        self._api: Any = type("ApiConsumerOfOneServer", (APIConsumer,), {"host": host, "port": port})
        # `requests` would send even loopback traffic to a proxy named in the environment (HTTP_PROXY).
        self._common: dict[str, object] = {"timeout": within, "proxies": {"no_proxy": host}}
        self._kept: dict[str, socket.socket] = {}

    def create(self, name: str, upstream: tuple[str, int]) -> int:
        """Open a proxy on a free port of 127.0.0.1 and return the port; connections to it go to `upstream`."""
        host, port = upstream
        wanted = {"name": _addressable(name), "listen": "127.0.0.1:0", "upstream": f"{host}:{port}", "enabled": True}
        made = self._ask(self._api.post, "/proxies", about=f"proxy {name!r}", body=wanted)
        return int(str(made["listen"]).rpartition(":")[2])

    def delete(self, name: str) -> None:
        """Close the proxy, its listener and all its connections, and forget it."""
        self._ask(self._api.delete, _path(name), about=f"proxy {name!r}")
        self._give_back(name)

    def disable(self, name: str) -> None:
        """Close the proxy's listener and all its connections; new ones are refused until `enable`.

        Its port is kept for it: else any outgoing connection of this machine may be given it meanwhile.
        """
        shown = self._ask(self._api.post, _path(name), about=f"proxy {name!r}", body={"enabled": False})
        host, _, port = str(shown["listen"]).rpartition(":")
        if host == LOOPBACK and name not in self._kept:
            with contextlib.suppress(OSError):  # somebody was quicker; `enable` will say so
                self._kept[name] = reserved(int(port))

    def enable(self, name: str) -> None:
        """Let the proxy listen again, on the port it had."""
        self._ask(self._api.post, _path(name), about=f"proxy {name!r}", body={"enabled": True})
        self._give_back(name)

    def _give_back(self, name: str) -> None:
        keeper = self._kept.pop(name, None)
        if keeper is not None:
            keeper.close()

    def add_latency(self, name: str, *, seconds: float, jitter: float = 0.0, stream: Stream = "downstream") -> str:
        """Delay everything in one direction by `seconds`, also on open connections; return the toxic's name.

        `jitter`: each piece comes up to so many seconds earlier or later, but none before the one ahead of it. A latency that is
        there already gets the new value.
        """
        if not 0 < seconds < LONGEST:
            message = f"a latency of {seconds:g} s is none; give a number of seconds above 0"
            raise UsageError(message)
        toxic = Toxic("latency", stream, {"latency": milliseconds(seconds), "jitter": round(jitter * 1000)})
        self.set_toxic(name, toxic)
        return toxic.name

    def set_toxic(self, name: str, toxic: Toxic) -> None:
        """Have the proxy do this, also on open connections; a toxic of its name that is there already is changed in place.

        Raises UsageError also for what the server would not survive.
        """
        toxic.check()
        about = f"{toxic.type} of proxy {name!r}"
        attributes = dict(toxic.attributes)
        wanted = {"name": toxic.name, "type": toxic.type, "stream": toxic.stream, "toxicity": 1.0, "attributes": attributes}
        try:
            self._ask(self._api.post, f"{_path(name)}/toxics", about=about, body=wanted)
        except _ThereAlreadyError:
            self._ask(self._api.post, f"{_path(name)}/toxics/{toxic.name}", about=about, body={"attributes": attributes})

    def calm(self, name: str, toxic: Toxic) -> None:
        """Have the proxy let everything pass again where this toxic is; what it still held flows on in order.

        The toxic stays, with values that do nothing. Toxiproxy 2.12 dies, with all its proxies, when a toxic is removed while a
        connection is ending that a later one of its toxics still holds, and then another is added: `index out of range` in
        ToxicLink.AddToxic. Only a `timeout` has to be removed, which closes the connections it was on.
        """
        if toxic.calm is None:
            self.remove_toxic(name, toxic.name)
        else:
            self.set_toxic(name, toxic.calm)

    def remove_toxic(self, name: str, toxic: str) -> None:
        """Take one toxic away; what it still held flows on in order. Only a `timeout` closes the connections it was on."""
        self._ask(self._api.delete, f"{_path(name)}/toxics/{_addressable(toxic)}", about=f"toxic {toxic!r} of proxy {name!r}")

    def proxies(self) -> dict[str, ProxyState]:
        """Return all proxies of the server by name, also those that others made."""
        found = self._ask(self._api.get, "/proxies", about="its proxies")
        return {name: _state(value) for name, value in found.items()}

    def version(self) -> str:
        """Return the server's version, such as 2.12.0."""
        return str(self._ask(self._api.get, "/version", about="its version")["version"])

    def _ask(self, call: Callable[..., Any], path: str, *, about: str, body: object = None) -> dict[str, Any]:
        given = self._common if body is None else {**self._common, "json": body}
        subject = f"{self._where}: {about}"
        try:
            answer = call(path, **given)
        except ProxyExists as error:
            message = f"{subject} exists already"
            raise _ThereAlreadyError(message) from error
        except (NotFound, InvalidToxic) as error:
            message = f"{subject}: {_text(error.args[0])}"
            raise UsageError(message) from error
        except requests.RequestException as error:
            message = f"{subject}: the server does not answer: {error}"
            raise StackError(message) from error
        if not answer.ok:
            message = f"{subject}: {_text(answer.content)} (status {answer.status_code})"
            raise StackError(message)
        return _object(answer.content, subject) if answer.content else {}


def _object(content: bytes, subject: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        message = f"{subject}: the answer is not a JSON object: {content[:80]!r}"
        raise StackError(message)
    return found


def _state(value: Mapping[str, Any]) -> ProxyState:
    toxics = {str(toxic["name"]): toxic for toxic in value["toxics"]}
    return ProxyState(value["name"], value["listen"], value["upstream"], value["enabled"], toxics)


def _addressable(name: str) -> str:
    """Refuse a name that the server would take and then never find again (no escaping helps against a slash)."""
    if not name or any(character in name for character in "/?#%"):
        message = f"{name!r} cannot name a proxy or toxic: it must not be empty nor contain / ? # %"
        raise UsageError(message)
    return name


def _path(name: str) -> str:
    return f"/proxies/{_addressable(name)}"


def _text(content: bytes) -> str:
    """Return the sentence in an error answer, which is JSON whatever its content type says."""
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return content.decode("utf-8", "replace").strip()
