from pathlib import Path

import pytest

from harness.errors import StackError
from harness.stack import erlang
from harness.stack.commands import call
from harness.stack.provision import provisioned
from harness.stack.tools import Tools
from tests.stack.programs import bare_path, program, silent


@pytest.fixture(scope="module")
def tools() -> Tools:
    return provisioned()


def test_the_module_that_answers_instead_of_epmd(tools: Tools, tmp_path: Path):
    """Every function that Erlang's and RabbitMQ's code call, asked as they ask."""
    erlang.prepared(tools.erlang_root, tmp_path, silent)
    asked = (
        "io:format('~p', [[noepmd:start_link(), noepmd:register_node(rabbit, 1), noepmd:port_please(rabbit, here),"
        "noepmd:listen_port_please(rabbit, here), noepmd:address_please(rabbit, here, inet),"
        "noepmd:address_please(rabbit, here, inet6), noepmd:names(), noepmd:names(here), noepmd:open(),"
        "noepmd:open(1), noepmd:open(here, 1)]]), halt()."
    )
    command = [erlang.erlexec(tools.erlang_root), "-noinput", "-boot", "start_clean", "-pa", tmp_path, "-erl_epmd_port", "4711"]
    environment = {**erlang.environment(tools.erlang_root), "HOME": str(tmp_path)}

    said = call([*command, "-eval", asked], "it failed", progress=silent, environment=environment)

    assert "".join(said.split()) == (
        "[ignore,{ok,1},{port,4711,6},{ok,4711},{ok,{127,0,0,1}},{error,nxdomain},{ok,[]},{ok,[]},"
        "{error,econnrefused},{error,econnrefused},{error,econnrefused}]"
    )


def test_the_release_is_what_the_emulator_says(tools: Tools, tmp_path: Path):
    release = erlang.prepared(tools.erlang_root, tmp_path / "noepmd", silent)

    assert release.isdigit()
    assert (tmp_path / "noepmd" / erlang.BEAM).exists()


def test_a_folder_that_is_no_erlang(tmp_path: Path):
    with pytest.raises(StackError, match="is not an Erlang installation"):
        erlang.prepared(tmp_path, tmp_path / "into", silent)


def test_an_erlang_that_does_not_start(tmp_path: Path):
    program(tmp_path / "erts-1/bin/erlexec", "echo 'libtinfo.so.6: cannot open shared object file' >&2; exit 127")

    with pytest.raises(StackError, match=r"^Erlang does not start: erlexec ended with 127: libtinfo"):
        erlang.prepared(tmp_path, tmp_path / "into", silent)


def test_a_shadow_is_the_same_erlang_but_for_its_starter(tools: Tools, tmp_path: Path):
    before = (tools.erlang_root / "bin" / "erl").read_text()

    shadow = erlang.shadowed(tools.erlang_root, tmp_path / "shadow")
    release = erlang.prepared(shadow, tmp_path / "noepmd", silent)

    assert release.isdigit()
    assert call([shadow / "bin" / "erl", "-anything"], "it failed", progress=silent) == ""
    assert (tools.erlang_root / "bin" / "erl").read_text() == before


@pytest.mark.parametrize("below", ["", "lib/erlang"], ids=["of a tarball", "of Homebrew"])
def test_the_erlang_on_path_is_found_behind_its_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str):
    path = bare_path(tmp_path / "bin", monkeypatch)
    program(tmp_path / "otp" / below / "erts-1/bin/erlexec", "")
    (path / "erl").symlink_to(program(tmp_path / "otp/bin/erl", ""))

    assert erlang.installed() == tmp_path / "otp" / below


def test_no_erlang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    bare_path(tmp_path / "bin", monkeypatch)
    monkeypatch.setattr(erlang, "DISTRIBUTIONS", tmp_path)

    assert erlang.installed() is None
