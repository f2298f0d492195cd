"""Addresses as Go takes them, listeners on them, connections to them, and Go's sentences where that cannot be done."""

import asyncio
import ipaddress
import re
import socket
from typing import NamedTuple

BACKLOG = 4096
_NUMBER = re.compile(r"[+-]?[0-9]+")
_HIGHEST = 2**16
_LIKE_IP = re.compile(r"[0-9.]+")


class AddressError(Exception):
    """An address that means nothing, or cannot be used; the text is Go's."""


class Place(NamedTuple):
    """A resolved address; the host is an IP address, or empty for every one of this machine."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def split(address: str) -> tuple[str, str]:
    """Return host and port of `host:port` or `[host]:port`. Raises AddressError."""
    host, colon, port = address.rpartition(":")
    problem = "" if colon else "missing port in address"
    if not problem and address.startswith("["):
        host, problem = _bracketed(address, port)
    elif not problem and ":" in host:
        problem = "too many colons in address"
    for bracket in "[]":
        if not problem and bracket in host + port:
            problem = f"unexpected '{bracket}' in address"
    if problem:
        message = f"address {address}: {problem}"
        raise AddressError(message)
    return host, port


def _bracketed(address: str, port: str) -> tuple[str, str]:
    host, bracket, rest = address[1:].partition("]")
    if not bracket:
        return host, "missing ']' in address"
    if rest == f":{port}":
        return host, ""
    return host, "too many colons in address" if rest.startswith(":") else "missing port in address"


def _port(text: str) -> int:
    if not text:
        return 0
    if not _NUMBER.fullmatch(text):
        try:
            return socket.getservbyname(text.lower(), "tcp")
        except OSError:
            message = f"lookup tcp/{text}: unknown port"
            raise AddressError(message) from None
    if not 0 <= int(text) < _HIGHEST:
        message = f"address {text}: invalid port"
        raise AddressError(message)
    return int(text)


async def places(address: str) -> list[Place]:
    """Return where an address leads, IPv4 first. Raises AddressError."""
    if not address:
        return [Place("", 0)]
    host, text = split(address)
    port = _port(text)
    if not host or _is_ip(host):
        return [Place(host, port)]
    return [Place(one, port) for one in await _looked_up(host)]


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _looked_up(host: str) -> list[str]:
    try:
        # What looks like an IPv4 address and is none ("127.1") is no name for Go; the C library takes it for an address.
        found = (
            [] if _LIKE_IP.fullmatch(host) else await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError):
        found = []
    if not found:
        message = f"lookup {host}: no such host"
        raise AddressError(message)
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in sorted(found, key=lambda one: one[0] != socket.AF_INET)]


async def resolved(address: str) -> Place:
    """Return where a listener on `address` would be. Raises AddressError."""
    return (await places(address))[0]


async def listener(address: str) -> socket.socket:
    """Return a listening, non-blocking socket. Raises AddressError."""
    try:
        place = await resolved(address)
    except AddressError as error:
        message = f"listen tcp: {error}"
        raise AddressError(message) from None
    try:
        return _bound(place)
    except OSError as error:
        message = f"listen tcp {place}: bind: {(error.strerror or str(error)).lower()}"
        raise AddressError(message) from None


def _bound(place: Place) -> socket.socket:
    everywhere = place.host in {"", "0.0.0.0", "::"}  # noqa: S104 (as it was asked for)
    both = everywhere and socket.has_dualstack_ipv6()
    one = socket.socket(socket.AF_INET6 if both or ":" in place.host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        one.setblocking(False)  # noqa: FBT003 (its signature)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if both:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        host = "::" if both else place.host.partition("%")[0]
        one.bind((host, place.port))
        one.listen(BACKLOG)
    except BaseException:
        one.close()
        raise
    return one


def shown(one: socket.socket) -> str:
    """Return the address of a listener as Go shows it."""
    host, port = one.getsockname()[:2]
    return str(Place(str(host), int(port)))


async def connected(address: str) -> socket.socket:
    """Return a connection to `address`: to the first of the places it means that answers. Raises AddressError or OSError."""
    last: OSError = ConnectionRefusedError()
    for host, port in await places(address):
        one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        one.setblocking(False)  # noqa: FBT003 (its signature)
        try:
            await asyncio.get_running_loop().sock_connect(one, (host or "127.0.0.1", port))
        except OSError as error:
            one.close()
            last = error
        except BaseException:
            one.close()
            raise
        else:
            return one
    raise last
