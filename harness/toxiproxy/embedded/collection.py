"""All proxies of a server by name: made, found, changed and written as its API says. Paths and methods are in `api`."""

from collections.abc import Iterable

from harness.toxiproxy.embedded.fields import Filled, Shape, fill, fill_each
from harness.toxiproxy.embedded.proxy import Proxy
from harness.toxiproxy.embedded.text import TextError, Value, quoted
from harness.toxiproxy.embedded.toxics import Refused, bad_body

_LOGGER = Shape("zerolog.Logger", "Logger", {})
_PROXY = Shape(
    "toxiproxy.Proxy",
    "Proxy",
    {"name": "string", "listen": "string", "upstream": "string", "enabled": "bool", "Logger": _LOGGER},
)
_POPULATED = Shape(
    r'struct { toxiproxy.Proxy; Enabled *bool "json:\"enabled\"" }',
    "",
    _PROXY.fields,
    {name: f"Proxy.{name}" for name in _PROXY.fields if name != "enabled"},
)


class StoppedError(Refused):
    """A populate that came to a proxy it could not make; `done` are those before it."""

    def __init__(self, error: Refused, done: list[Proxy]) -> None:
        super().__init__(str(error), error.status)
        self.done = done


class Proxies:
    """The proxies of one server; everything that cannot be done raises Refused."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._named: dict[str, Proxy] = {}

    def written(self) -> str:
        """Return all of them as JSON, an object by name."""
        return f"{{{','.join(f'{quoted(name)}:{one.written()}' for name, one in sorted(self._named.items()))}}}"

    def get(self, name: str) -> Proxy:
        """Return one."""
        if name not in self._named:
            message = "proxy not found"
            raise Refused(message, 404)
        return self._named[name]

    async def create(self, value: Value) -> Proxy:
        """Make the proxy that `value` describes, and let it listen unless it says otherwise."""
        given: Filled = {"enabled": True}
        _fill(value, given)
        proxy = self._new(given, "")
        if proxy.name in self._named:
            message = "proxy already exists"
            raise Refused(message, 409)
        if given["enabled"]:
            await proxy.start()
        self._named[proxy.name] = proxy
        return proxy

    async def update(self, proxy: Proxy, value: Value) -> None:
        """Change where a proxy listens and leads, and whether it does."""
        given: Filled = {"listen": proxy.listen, "upstream": proxy.upstream, "enabled": proxy.enabled}
        _fill(value, given)
        await proxy.update(str(given["listen"]), str(given["upstream"]), enabled=bool(given["enabled"]))

    def delete(self, name: str) -> None:
        """Close a proxy and its connections, and forget it."""
        self.get(name).stop()
        del self._named[name]

    async def populate(self, value: Value) -> list[Proxy]:
        """Make all the proxies that `value` lists, one after the other; those that are there already, and equal, stay.

        Raises StoppedError at the first that cannot be made, Refused where one is described wrongly; then none is made.
        """
        try:
            given = fill_each(value, _POPULATED, lambda: {"enabled": True})
        except TextError as error:
            raise bad_body(error) from None
        wanted = [(self._new(one, f" at proxy {number}"), bool(one["enabled"])) for number, one in enumerate(given, 1)]
        done: list[Proxy] = []
        for proxy, enabled in wanted:
            try:
                done.append(await self._placed(proxy, enabled=enabled))
            except Refused as error:
                raise StoppedError(error, done) from None
        return done

    async def _placed(self, proxy: Proxy, *, enabled: bool) -> Proxy:
        there = self._named.get(proxy.name)
        if there is not None:
            if not await there.differs(proxy.listen, proxy.upstream):
                return there  # with its toxics, and whatever `enabled` said: so does the original
            there.stop()
        if enabled:
            await proxy.start()
        self._named[proxy.name] = proxy
        return proxy

    async def reset(self) -> None:
        """Let all proxies listen and have no toxics. Raises Refused for the first that cannot listen, after all were reset."""
        refused: list[Refused] = []
        for proxy in list(self._named.values()):
            try:
                await proxy.start()
            except Refused as error:
                refused.append(error)
            for toxic in proxy.toxics:
                proxy.remove_toxic(toxic)
        if refused:
            raise refused[0]

    def stop(self) -> None:
        """Close all of them."""
        for proxy in self._named.values():
            proxy.stop()

    def _new(self, given: Filled, which: str) -> Proxy:
        for field in ("name", "upstream"):
            if not given.get(field):
                message = f"missing required field: {field}{which}"
                raise Refused(message, 400)
        return Proxy(str(given["name"]), str(given.get("listen", "")), str(given["upstream"]), self._seed)


def _fill(value: Value, into: Filled) -> None:
    try:
        fill(value, _PROXY, into)
    except TextError as error:
        raise bad_body(error) from None


def written(proxies: Iterable[Proxy]) -> str:
    """Return proxies as a JSON list; none of them is null, as Go has it."""
    listed = ",".join(proxy.written() for proxy in proxies)
    return f"[{listed}]" if listed else "null"
