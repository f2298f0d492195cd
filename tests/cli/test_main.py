import pytest
import typer

from harness import cli
from harness.errors import InconclusiveError, StackError, StackLostError


def code_of(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    """The application with a command for every way to end."""
    app = typer.Typer()
    endings = {
        "cannot": StackError("the stack is down; put it up"),
        "unknown": InconclusiveError("unknown: nothing was sent"),
        "lost": StackLostError("RabbitMQ died"),
        "defect": ZeroDivisionError("division by zero"),
        "interrupted": KeyboardInterrupt(),
        "aborted": typer.Abort(),
        "broken": typer.Exit(cli.BROKEN),
    }
    for name, error in endings.items():
        app.command(name)(ends_with(error))
    monkeypatch.setattr(cli, "app", app)
    return app


def ends_with(error: BaseException):
    def command():
        raise error

    return command


@pytest.mark.parametrize(
    ("command", "code", "sentence"),
    [
        ("cannot", 3, "harness: the stack is down; put it up\n"),
        ("unknown", 2, "harness: unknown: nothing was sent\n"),
        ("lost", 3, "harness: RabbitMQ died\n"),
        ("broken", 1, ""),
        ("interrupted", 130, ""),
        ("aborted", 130, ""),
    ],
)
def test_each_end_has_its_code(failing: typer.Typer, capsys: pytest.CaptureFixture[str], command: str, code: int, sentence: str):
    assert failing.registered_commands
    assert code_of(command) == code
    assert capsys.readouterr().err == sentence


def test_a_defect_of_ours_does_not_look_like_a_broken_promise(failing: typer.Typer, capsys: pytest.CaptureFixture[str]):
    assert failing.registered_commands
    assert code_of("defect") == 3
    assert capsys.readouterr().err == (
        "harness: this is a defect of the harness: ZeroDivisionError: division by zero; --traceback shows where\n"
    )


@pytest.mark.parametrize("arguments", [("--traceback", "cannot"), ("cannot", "--traceback")], ids=["before", "behind"])
def test_the_traceback_is_shown_when_asked_for(
    failing: typer.Typer, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
):
    assert failing.registered_commands
    assert code_of(*arguments) == 3
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(("doctro",), "No such command 'doctro'"), (("doctor", "--colour"), "No such option"), (("doctor", "x"), "unexpected")],
    ids=["command", "option", "argument"],
)
def test_bad_input_is_one_sentence_and_code_3(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], complaint: str):
    assert code_of(*arguments) == 3
    said = capsys.readouterr().err
    assert complaint in said
    assert len(said.splitlines()) == 1


def test_without_a_command_there_is_help(capsys: pytest.CaptureFixture[str]):
    assert code_of() == 0
    assert "doctor" in capsys.readouterr().out


def test_the_help_of_every_command_ends_with_an_example(capsys: pytest.CaptureFixture[str]):
    endings = {}
    for command in cli.app.registered_commands:
        name = str(command.name or getattr(command.callback, "__name__", ""))
        code = code_of(name, "--help")
        endings[name] = (code, capsys.readouterr().out.strip().splitlines()[-1].strip()[:8])

    assert endings == dict.fromkeys(endings, (0, "Example:"))
    assert {"doctor", "provision"} <= endings.keys()
