"""`Service`: what to run, as a value; by its name in a folder of services, or as a command line. Nothing is started here."""

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from harness.errors import UsageError
from harness.services.document import FILE, SPEEDS, Document, Table, read

BELOW = Path("fixtures") / "services"
VARIABLE = "HARNESS_SERVICES"


@dataclass(frozen=True)
class _Source:
    """Where a service comes from: its base, what can be laid over it, and how its code begins."""

    base: Table
    folder: Path | None
    code: str
    versions: Mapping[str, Table]
    variants: Mapping[str, Table]

    def laid(self, version: str, variants: Sequence[str]) -> Table:
        """Return the base with the version and then the variants laid over it."""
        table = self.base
        for overlay in [*([self.versions[version]] if version else []), *(self.variants[name] for name in variants)]:
            table = merged(table, overlay)
        return table


class Service:
    """What to run: a value that can be compared, hashed, kept in a table. `[...]` lays versions and variants over it.

    `Service("billing", command=[...], environment={...})` needs no file, nor does `Service("billing", image="billing:1.4")`, a
    container; `Service.named("esr-writer")` reads its `service.toml`.
    """

    def __init__(
        self,
        name: str,
        *,
        command: Sequence[str] = (),
        image: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        _check_plain(name, command, image)
        parts: Table = {"image": image, "command": list(command), "environment": dict(environment or {})}
        base = {"name": name, **{part: value for part, value in parts.items() if value}}
        given = [repr(name), *(f"{part}={value!r}" for part, value in base.items() if part != "name")]
        self._lay(_Source(base, None, f"Service({', '.join(given)})", {}, {}), "", ())

    @classmethod
    def named(cls, name: str) -> Self:
        """Return the service that `<folder>/<name>/service.toml` describes.

        Folders: HARNESS_SERVICES (several: separated like PATH), else `fixtures/services` of the working directory or of the
        nearest folder above it. Raises UsageError for a name that is not there (with those that are) and for a wrong document.
        """
        paths = found(name)
        if not paths:
            there = ", ".join(path.parent.name for path in found()) or "none"
            message = f"there is no service {name!r} in {os.pathsep.join(map(str, folders())) or BELOW}; there are: {there}"
            raise UsageError(message)
        document = read(paths[0])
        return cls._made(_source(document), str(document.data.get("default", "")), ())

    @classmethod
    def _made(cls, source: _Source, version: str, variants: tuple[str, ...]) -> Self:
        service = cls.__new__(cls)
        cls._lay(service, source, version, variants)
        return service

    def _lay(self, source: _Source, version: str, variants: tuple[str, ...]) -> None:
        self._source = source
        self._version = version
        self._variants = variants
        self._table = source.laid(version, variants)

    def __getitem__(self, names: str | tuple[str, ...]) -> Self:
        """Return this service with these versions or variants laid over it, variants in the order given.

        A version replaces the one chosen before. Raises UsageError for a name that is neither (lists them), or two versions.
        """
        asked = (names,) if isinstance(names, str) else names
        for name in asked:
            if name not in self._source.versions and name not in self._source.variants:
                raise UsageError(self._unknown(name))
        versions = [name for name in asked if name in self._source.versions]
        if len(versions) > 1:
            message = f"{self._source.code} cannot be two versions at once: {' and '.join(map(repr, versions))}"
            raise UsageError(message)
        variants = [name for name in asked if name in self._source.variants and name not in self._variants]
        return self._made(self._source, versions[0] if versions else self._version, (*self._variants, *dict.fromkeys(variants)))

    def _unknown(self, name: str) -> str:
        versions, variants = (", ".join(map(repr, names)) or "none" for names in (self._source.versions, self._source.variants))
        return f"{self.name} has no version or variant {name!r}; versions: {versions}; variants: {variants}"

    @property
    def name(self) -> str:
        """Its name in links, journals and reports."""
        return str(self._table["name"])

    @property
    def version(self) -> str:
        """The version chosen, else the default one; empty where the service has none."""
        return self._version

    @property
    def versions(self) -> tuple[Self, ...]:
        """The same service in each of its versions, in the order of the file; empty where it has none."""
        return tuple(self._made(self._source, version, self._variants) for version in self._source.versions)

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants laid over it, in order."""
        return self._variants

    @property
    def overlays(self) -> tuple[str, ...]:
        """Every version and variant that can be laid over it."""
        return (*self._source.versions, *self._source.variants)

    @property
    def command(self) -> tuple[str, ...]:
        """The command line, before `{NAME.part}` is replaced; empty for a container that is started with its image's own."""
        return tuple(self._table.get("command", ()))

    @property
    def image(self) -> str | None:
        """The image of the container that it runs in; None for a process."""
        image = self._table.get("image")
        return None if image is None else str(image)

    @property
    def environment(self) -> Mapping[str, str]:
        """Its own variables, before `{NAME.part}` is replaced."""
        return MappingProxyType(self._table.get("environment", {}))

    @property
    def needs(self) -> tuple[str, ...]:
        """Commands that have to be on PATH."""
        return tuple(self._table.get("needs", ()))

    @property
    def libraries(self) -> tuple[str, ...]:
        """What it talks to brokers with, as its lock names it; `libraries.py` has their versions."""
        return tuple(self._table.get("libraries", ()))

    @property
    def clock(self) -> str:
        """`compressed` (runs on the stack's clock) or `real` (only its brokers are compressed), as a container always does."""
        return str(self._table.get("clock", "real" if self.image else "compressed"))

    @property
    def speed(self) -> int:
        """The most by which its own clock may run faster; as fast as any scenario where it does not say."""
        return int(self._table.get("speed", max(SPEEDS)))

    @property
    def longest_silence(self) -> float | None:
        """Seconds of its own longest pause between two attempts; None where it does not say."""
        silence = self._table.get("longest_silence")
        return None if silence is None else float(silence)

    @property
    def ready(self) -> str:
        """`wire`: ready when it shows itself at a broker; `http`: when its own port `{port}` answers."""
        return str(self._table.get("ready", "wire"))

    @property
    def build(self) -> Mapping[str, str]:
        """What has to be built before it can start: by kind, the file or folder beside `service.toml` that it is built from."""
        return MappingProxyType(self._table.get("build", {}))

    @property
    def sends(self) -> Mapping[str, Mapping[str, str]]:
        """How it is made to send, by destination: `{"placement-exported": {"http": "POST /exports"}}`."""
        return MappingProxyType(self._table.get("sends", {}))

    @property
    def folder(self) -> Path | None:
        """The folder of its `service.toml`, in which it runs; None for a plain command line."""
        return self._source.folder

    def __repr__(self) -> str:
        default = self._source.base.get("default", "")
        laid = [*([self._version] if self._version != default else []), *self._variants]
        return self._source.code + (f"[{', '.join(map(repr, laid))}]" if laid else "")

    def __str__(self) -> str:
        laid = [*([self._version] if self._version else []), *self._variants]
        return f"{self.name} ({', '.join(laid)})" if laid else self.name

    def _key(self) -> tuple[Path | None, str, tuple[str, ...], str]:
        return (self._source.folder, self._version, self._variants, json.dumps(self._table, sort_keys=True))

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Service) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())


def merged(under: Table, over: Table) -> Table:
    """Return `over` laid on `under`: tables merge, lists and everything else replace."""
    result: dict[str, Any] = dict(under)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return result


def folders() -> Iterator[Path]:
    """Yield the folders in which services are looked for."""
    given = os.environ.get(VARIABLE)
    if given:
        yield from (Path(one).resolve() for one in given.split(os.pathsep) if one)
        return
    here = Path.cwd()
    nearest = next((folder / BELOW for folder in (here, *here.parents) if (folder / BELOW).is_dir()), None)
    if nearest is not None:
        yield nearest


def found(name: str = "*") -> list[Path]:
    """Return the `service.toml` of this service, or of every service that can be found, by name."""
    return [path for folder in folders() for path in sorted(folder.glob(f"{name}/{FILE}"))]


def every() -> Iterator[Service]:
    """Yield every service that can be found, plain and with each single version and variant laid over it."""
    for path in found():
        service = Service.named(path.parent.name)
        yield service
        yield from (service[overlay] for overlay in service.overlays)


def _source(document: Document) -> _Source:
    data = document.data
    base = {key: value for key, value in data.items() if key not in ("versions", "variants")}
    code = f"Service.named({data['name']!r})"
    return _Source(base, document.path.parent, code, data.get("versions", {}), data.get("variants", {}))


def _check_plain(name: str, command: Sequence[str], image: str | None) -> None:
    if not name or "->" in name or "/" in name:
        message = f"{name!r} cannot be the name of a service: it stands in links (service->thing) and in file names"
        raise UsageError(message)
    if isinstance(command, str):
        message = f"Service({name!r}): no shell reads the command, so it is a list: command={shlex.split(command)!r}"
        raise UsageError(message)
    if not command and not image:
        message = (
            f"Service({name!r}): what should run? Give command=[...] or image=..., or use Service.named({name!r}) for one with a"
            f" {FILE}"
        )
        raise UsageError(message)
