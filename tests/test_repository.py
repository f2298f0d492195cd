"""Rules about the repository that no linter knows."""

import ast
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("harness", "scenarios", "tests")

# Written in pieces, so that this file does not contain what it looks for.
REGISTRIES = re.compile(
    "|".join(
        [
            r"files\.python" + r"hosted\.org",
            r"py" + r"pi\.(org|python\.org)",
            r"registry\.npm" + r"js\.org",
            r"registry\.yarn" + r"pkg\.com",
            r"(proxy|sum)\.go" + r"lang\.org",
            r"repo1?\.maven\.(org|apache\.org)",
            r"(static\.)?crates" + r"\.io",
            r"deb\.deb" + r"ian\.org",
            r"(archive|security)\.ub" + r"untu\.com",
            r"(ghcr|quay|gcr)" + r"\.io",
            r"docker" + r"\.io",
        ]
    )
)
MACHINE = re.compile("/work" + "/(main|shared)|/root" + "/")


def tracked() -> list[Path]:
    """What the repository holds; new files count before they are committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if (path := ROOT / name).is_file()]


def python_files(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for path in tracked():
        inside = path.relative_to(ROOT)
        if path.suffix == ".py" and inside.parts[0] in folders:
            yield str(inside), ast.parse(path.read_text())


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    texts = {path.relative_to(ROOT): path.read_text(errors="replace") for path in tracked()}
    return [
        f"{name}:{number}: {line.strip()[:80]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_tracked_file_names_a_registry():
    assert lines_with(REGISTRIES) == []


def test_no_tracked_file_names_a_place_on_the_machine_it_was_written_on():
    assert lines_with(MACHINE) == []


@pytest.mark.parametrize("address", ["https://py" + "pi.org/simple", "ghcr" + ".io/shopify/toxiproxy", "registry.npm" + "js.org"])
def test_the_pattern_knows_a_registry_when_it_sees_one(address: str):
    assert REGISTRIES.search(address)


def test_files_are_at_most_300_lines():
    long = {path.name: n for path in tracked() if path.suffix == ".py" and (n := len(path.read_text().splitlines())) > 300}

    assert long == {}


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement behind the docstring to the last: what there is to understand."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1


def test_functions_are_at_most_30_lines():
    long = [
        f"{name}:{node.lineno} {node.name}: {length(node)}"
        for name, tree in python_files(*OURS)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length(node) > 30
    ]

    assert long == []


def asserts_inside_with(tree: ast.AST) -> list[int]:
    return [
        inner.lineno
        for outer in ast.walk(tree)
        if isinstance(outer, ast.With | ast.AsyncWith)
        for statement in outer.body
        for inner in ast.walk(statement)
        if isinstance(inner, ast.Assert)
    ]


def test_nothing_is_asserted_inside_a_with():
    """What stands behind the line that raises never runs; outside of blocks there is no such place."""
    found = {name: lines for name, tree in python_files("tests", "scenarios") if (lines := asserts_inside_with(tree))}

    assert found == {}


def test_an_assertion_inside_a_with_is_seen():
    assert asserts_inside_with(ast.parse("with a:\n  if b:\n    assert c")) == [3]


SLEEPS = re.compile(r"\btime\.(sleep|time|monotonic)\b|\basyncio\.sleep\b|\bsleep\(")
MAY_SLEEP = {"harness/clock.py", "harness/warden/program.py", "tests/test_repository.py"}


def code_of(path: Path) -> str:
    """The file without its comments and strings."""
    with tokenize.open(path) as file:
        tokens = list(tokenize.generate_tokens(file.readline))
    return "".join(token.string for token in tokens if token.type not in (tokenize.COMMENT, tokenize.STRING))


def test_only_the_clock_sleeps():
    found = [
        str(inside)
        for path in tracked()
        if path.suffix == ".py" and (inside := path.relative_to(ROOT)).parts[0] in OURS and str(inside) not in MAY_SLEEP
        if SLEEPS.search(code_of(path))
    ]

    assert found == []


def test_every_lock_is_hashed():
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    unhashed = [
        f"{lock.name}: {block.splitlines()[0]}"
        for lock in locks
        for block in re.split(r"\n(?=\w)", lock.read_text())
        if "==" in block and "--hash=sha256:" not in block
    ]

    assert {"dev.txt", "setup.txt", "localstack.txt", "go.txt", "build.txt"} <= {lock.name for lock in locks}
    assert unhashed == []


LOCK = re.compile(r"(^|/)(requirements|locks|poms)/|package(-lock)?\.json$|pom\.xml$|go\.(mod|sum)$|\.npmrc$|\.sha256$")
# An address in any form: with a scheme, as a host, or as an option or field whose value is one.
ADDRESS = re.compile(
    r"://|git\+|\"resolved\"|--(extra-)?index-url|--find-links|<repository>|^registry|\b([a-z0-9-]+\.)+(org|com|net|io|dev)(?=[/:\s\"'<,]|$)",
    re.MULTILINE,
)


def test_no_lock_holds_an_address_because_it_would_hold_everybody_to_one_registry():
    locks = [path for path in tracked() if LOCK.search(str(path.relative_to(ROOT)))]
    found = [f"{path.relative_to(ROOT)}: {hit.group()}" for path in locks if (hit := ADDRESS.search(path.read_text()))]

    assert {".txt", ".json", ".xml", ".sha256", ""} <= {path.suffix for path in locks}
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "six @ https:" + "//example.test/six.whl",
        "--index-url mirror",
        '"resolved": "x"',
        "<repository><id>x</id>",
        "registry=mirror",
        '"funding": "example' + '.org/six"',
        "aiohttp @ git+ssh",
    ],
    ids=["scheme", "index", "resolved", "repository", "registry", "host", "checkout"],
)
def test_an_address_in_a_lock_is_seen(text: str):
    assert ADDRESS.search(text)
