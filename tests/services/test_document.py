import re
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.services.document import line_of, read

HEAD = 'name = "mailer"\ncommand = ["mail"]\n'
IMAGE = 'name = "mailer"\nimage = "mailer:1"\n'


def described(folder: Path, text: str) -> Path:
    path = folder / "mailer" / "service.toml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('name = "mailer"\ncomand = ["mail"]\n', 2, "unknown key 'comand'; there are 'name', 'default', 'needs',"),
        (HEAD + "[variants.fast]\nenviroment = {}\n", 4, "unknown key 'enviroment'; there are 'needs', 'libraries', 'clock',"),
        (HEAD + '# fast\n[variants]\n"a b" = { nope = 1 }\n', 5, "unknown key 'nope'; there are"),
        (
            HEAD + '[variants]\nslow = { command = ["x"] }\nfast = { command = "x" }\n',
            5,
            "variants.fast.command is a list of texts, not 'x'",
        ),
        (HEAD + 'build = { venv = "a", jar = "b" }\n', 3, "unknown key 'jar'; there are 'venv', 'npm'"),
        (HEAD + "build = { venv = 3 }\n", 3, "build.venv is a text in quotes, not 3"),
        (HEAD + 'build = "locks/a.txt"\n', 3, "build is a table"),
        (HEAD + "[environment]\nA = 'x'\nB = 1.10\n", 5, "environment.B is an environment variable: a text in quotes, not 1.1"),
        (HEAD + "environment = []\n", 3, "environment is a table"),
        (HEAD + "[versions]\nx = 1\n", 4, "versions.x is a table"),
        (HEAD + "clock = 'fake'\n", 3, "clock is one of 'compressed', 'real', not 'fake'"),
        (HEAD + "ready = 1\n", 3, "ready is one of 'wire', 'http', not 1"),
        (HEAD + "longest_silence = true\n", 3, "longest_silence is a number of seconds above 0, not True"),
        (HEAD + "longest_silence = 0\n", 3, "longest_silence is a number of seconds above 0, not 0"),
        (HEAD + "longest_silence = '3'\n", 3, "longest_silence is a number of seconds above 0, not '3'"),
        (HEAD + "needs = ['node', 3]\n", 3, "needs is a list of texts, not ['node', 3]"),
        ('name = "mailer"\ncommand = []\n', 2, "command is empty"),
        ('name = ""\ncommand = ["x"]\n', 1, "name is a text in quotes, not ''"),
        (
            HEAD + "[sends]\nq = { http = '/exports' }\n",
            4,
            "sends.q.http is a method and a path ('POST /exports'), not '/exports'",
        ),
        (HEAD + "[sends]\nq = { http = 7 }\n", 4, "sends.q.http is a method and a path ('POST /exports'), not 7"),
        (HEAD + "[sends]\nq = { amqp = 'x' }\n", 4, "unknown key 'amqp'; there are 'http'"),
        ('name = "mailer"\n', 1, "command is missing, or the image of a container"),
        ('name = "mailer"\nimage = 3\n', 2, "image is a text in quotes, not 3"),
        (HEAD + "[variants]\nx = { image = 'm:1' }\n", 4, "image stands at the top, and a version or variant may name another"),
        (IMAGE + "build = { venv = 'a' }\n", 3, "a container has its image, which is built elsewhere; take build or image away"),
        (IMAGE + "[variants]\nx = { clock = 'compressed' }\n", 4, "a container keeps the machine's clock, so it is 'real'"),
        ('command = ["x"]\n', 1, "name is missing"),
        ('command = ["x"]\nname = "postman"\n', 2, "name is 'postman', but its folder is 'mailer'"),
        (HEAD + "default = '2'\n", 3, "default is '2', but [versions] has none"),
        (HEAD + "default = '2'\n[versions]\n'1' = {}\n", 3, "default is '2', but [versions] has '1'"),
        (HEAD + "[versions]\n'1' = {}\n", 3, "default is missing; one of '1'"),
        (HEAD + "default = '1'\n[versions]\n1 = {}\n[variants]\n1 = {}\n", 7, "'1' is a version and a variant"),
        (HEAD + "speed = 7\n", 3, "speed is one of 1, 20, 100, not 7"),
        (HEAD + "speed = true\n", 3, "speed is one of 1, 20, 100, not True"),
        (HEAD + "clock = \n", 3, "Invalid value"),
        (HEAD + "[variants", 3, "Expected ']' at the end of a table declaration"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, text: str, line: int, message: str):
    path = described(tmp_path, text)

    with pytest.raises(UsageError, match=f"^{re.escape(f'{path}:{line}: {message}')}"):
        read(path)


def test_a_document_in_order_is_its_data(tmp_path: Path):
    path = described(tmp_path, HEAD + 'ready = "http"\n[sends]\nmails = { http = "POST /mails" }\n')

    assert read(path).data["sends"] == {"mails": {"http": "POST /mails"}}


@pytest.mark.parametrize(
    ("text", "place", "line"),
    [
        ("# b = 1\nb = 2", ("b",), 2),
        ("[a]\nb = 1\n[c]\nb = 2\n", ("c", "b"), 4),
        ('[versions."3.1.1".environment]\nA = "1"', ("versions", "3.1.1", "environment", "A"), 2),
        ("aa = 1\na = 2", ("a",), 2),
        ("a = 1", ("b",), 1),
    ],
)
def test_a_key_is_found_on_its_line(text: str, place: tuple[str, ...], line: int):
    assert line_of(text, place) == line
