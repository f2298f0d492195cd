"""Other releases of the machine's own distribution, as sources for apt: same archive and keys, another suite. No apt is run here.

Newer servers come from newer releases; what the machine trusts does not change by it.
"""

import platform
import re
from pathlib import Path

from harness.errors import StackError

SOURCES = Path("/etc/apt")
"""Where apt is told its archives."""
_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)")


OTHER_WAYS = "leave out --harness-rabbitmq, or put that server and its Erlang on PATH"


def own() -> str:
    """Return the code name of this machine's release, "" where it does not say."""
    return _release().get("VERSION_CODENAME", "")


def _release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def of_suite(suite: str, *, types: str = "deb") -> str:
    """Return the text of a `.sources` file (deb822) for the suite, from the archives that this machine has for its own release.

    `types` is `deb` or `deb-src`. Raises StackError where the machine is no Debian, or has no archive of its own release.
    """
    system = _release().get("ID", "unknown")
    if system != "debian":
        message = f"{suite} is a release of Debian, and this system is {system}; {OTHER_WAYS}"
        raise StackError(message)
    paragraphs = [_written(entry, suite, types) for entry in _entries() if own() in entry["suites"].split()]
    if not paragraphs:
        message = f"{SOURCES} names no archive of this system's own release {own() or '(unknown)'!r}, so none of {suite} is known"
        raise StackError(message)
    return "\n".join(dict.fromkeys(paragraphs))


def _entries() -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for file in sorted((SOURCES / "sources.list.d").glob("*.sources")):
        found += [_paragraph(text) for text in re.split(r"\n\s*\n", _uncommented(file))]
    for file in (SOURCES / "sources.list", *sorted((SOURCES / "sources.list.d").glob("*.list"))):
        found += [_line(match) for line in _uncommented(file).splitlines() if (match := _ONE_LINE.fullmatch(line.strip()))]
    return [entry for entry in found if entry.get("suites")]


def _uncommented(file: Path) -> str:
    lines = file.read_text().splitlines() if file.exists() else []
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def _paragraph(text: str) -> dict[str, str]:
    joined = re.sub(r"\n[ \t]+", " ", text)
    pairs = (line.partition(":") for line in joined.splitlines() if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _line(match: re.Match[str]) -> dict[str, str]:
    options = dict(part.partition("=")[::2] for part in (match["options"] or "").split() if "=" in part)
    entry = {"uris": match["uri"], "suites": match["suite"], "components": match["components"].strip()}
    return entry | ({"signed-by": options["signed-by"]} if "signed-by" in options else {})


def _written(entry: dict[str, str], suite: str, types: str) -> str:
    lines = [f"Types: {types}", f"URIs: {entry['uris']}", f"Suites: {suite}", f"Components: {entry.get('components', 'main')}"]
    signed = entry.get("signed-by")
    return "\n".join([*lines, *([f"Signed-By: {signed}"] if signed else [])]) + "\n"
