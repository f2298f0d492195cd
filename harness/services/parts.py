"""From a service and what it is wired to, to a command line and a whole environment. Nothing is started here."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from harness.errors import UsageError
from harness.services.service import Service

REGION = "eu-west-2"
DUMMY_ACCOUNT = "000000000000"
# Port 9 (discard) is closed on every machine that has not opened it on purpose: what goes there fails at once.
DEAD_PROXY = "http://127.0.0.1:9"
DIRECT = ("127.0.0.1", "localhost")

# `{NAME}` and `{NAME.part}`; `{{` and `}}` are braces, and `${...}` belongs to a shell.
_PLACE = re.compile(r"\{\{|\}\}|(?<!\$)\{([A-Za-z_]\w*)(?:\.(\w+))?\}")


@dataclass(frozen=True)
class Parts:
    """What one wired name offers: `{AMQP_URL}` is `value`, `{AMQP_URL.host}` is `host`. None: this thing has no such part."""

    value: str
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    vhost: str | None = None
    name: str | None = None
    account: str | None = None

    def there(self) -> dict[str, str]:
        """Return the parts that this thing has, as text."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "value"}
        return {name: str(value) for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Launch:
    """Everything needed to start a process, or with an `image` a container.

    `environment` is all that a process has, `cwd` None means the harness's own folder. A container has the image's environment
    below it and the image's folder; an empty command is the image's.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: Path | None = None
    image: str | None = None


def expand(
    service: Service,
    wired: Mapping[str, Parts],
    paths: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
) -> Launch:
    """Return how to start `service`: base environment, then the wired names, then its own variables and `environment`.

    `paths` are names that are not wired: `venv` (what was built), `port` (a free port for the service's own listener).
    Raises UsageError for a `{NAME}` or `{NAME.part}` that is not there (lists what is) and for a name with two values.
    """
    own = _own_variables(service, wired, environment or {})
    scope = _Scope(service, wired, paths)
    base = base_environment(wired.values(), contained=service.image is not None)
    result = {**base, **{name: parts.value for name, parts in wired.items()}}
    result.update({name: scope.filled(f"environment {name}", text) for name, text in own.items()})
    command = tuple(scope.filled("command", text) for text in service.command)
    return Launch(service.name, command, result, service.folder, service.image)


def base_environment(wired: Collection[Parts] = (), *, contained: bool = False) -> dict[str, str]:
    """Return what every service gets and nothing else: no variable of the user's AWS set-up, no way to a real AWS name.

    Old botocore, JS SDK v2 and Java SDK v1 look for instance metadata and for real host names when a setting is missing: with
    dummy keys, no metadata and a dead proxy they fail at once instead. The account of a wired thing replaces the dummy key.
    What a process has of this machine (PATH, HOME, LANG), a container has of its image.
    """
    machine = {"PATH": os.environ.get("PATH", os.defpath), "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8"}
    accounts = [parts.account for parts in wired if parts.account]
    direct = ",".join(dict.fromkeys([*DIRECT, *(parts.host for parts in wired if parts.host)]))
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), DEAD_PROXY)
    return {
        **({} if contained else machine),
        "PYTHONUNBUFFERED": "1",
        "AWS_ACCESS_KEY_ID": accounts[0] if accounts else DUMMY_ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **proxies,
        "NO_PROXY": direct,
        "no_proxy": direct,
    }


@dataclass(frozen=True)
class _Scope:
    """The names that texts of one service may use."""

    service: Service
    wired: Mapping[str, Parts]
    paths: Mapping[str, str]

    def filled(self, where: str, text: str) -> str:
        """Return `text` with every `{NAME}` and `{NAME.part}` replaced."""

        def one(place: re.Match[str]) -> str:
            name, part = place.groups()
            if name is None:
                return place.group()[0]
            if part is None and name in self.paths:
                return self.paths[name]
            if name not in self.wired:
                raise UsageError(self._unknown_name(where, place.group()))
            return self.wired[name].value if part is None else self._part(where, name, part)

        return _PLACE.sub(one, text)

    def _part(self, where: str, name: str, part: str) -> str:
        there = self.wired[name].there()
        if part not in there:
            listed = ", ".join(f"{{{name}.{one}}}" for one in there) or "none"
            message = f"{self.service.name}, {where}: {{{name}.{part}}} is not there; what is wired as {name} has: {listed}"
            raise UsageError(message)
        return there[part]

    def _unknown_name(self, where: str, place: str) -> str:
        wired, paths = (", ".join(names) or "nothing" for names in (self.wired, self.paths))
        return f"{self.service.name}, {where}: {place} is not there; wired with uses=: {wired}; made by the harness: {paths}"


def _own_variables(service: Service, wired: Mapping[str, Parts], given: Mapping[str, str]) -> dict[str, str]:
    """Return the service's variables and those given at its start; a name has one source, or nobody knows which one holds."""
    for where, names in (("its service.toml or environment=", service.environment), ("environment= of start", given)):
        for name in names:
            if name in wired:
                message = f"{service.name}: the environment name {name} is used twice: in uses= and in {where}; drop one of them"
                raise UsageError(message)
    return {**service.environment, **given}
