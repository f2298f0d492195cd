import re

import pytest

from harness.errors import UsageError
from harness.services import Parts, Service, expand
from harness.services.parts import base_environment

AMQP = Parts("amqp://u:p@127.0.0.1:5672/v1", host="127.0.0.1", port=5672, user="u", password="p", vhost="v1")
AWS = Parts("http://127.0.0.1:4566", host="127.0.0.1", port=4566, user="123456789012", account="123456789012")
QUEUE = Parts("placement-exported", name="placement-exported")
WIRED = {"AMQP_URL": AMQP, "AWS_ENDPOINT_URL": AWS, "QUEUE": QUEUE}
PATHS = {"venv": "/cache/v", "port": "8123"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{AMQP_URL}", "amqp://u:p@127.0.0.1:5672/v1"),
        ("{AMQP_URL.host}:{AMQP_URL.port}", "127.0.0.1:5672"),
        ("{AMQP_URL.user} {AMQP_URL.password} {AMQP_URL.vhost}", "u p v1"),
        ("{AWS_ENDPOINT_URL.account}", "123456789012"),
        ("{QUEUE} {QUEUE.name}", "placement-exported placement-exported"),
        ("{venv}/bin/python", "/cache/v/bin/python"),
        ("{port}", "8123"),
        ('{"a": 1}', '{"a": 1}'),
        ("${HOME} $HOME", "${HOME} $HOME"),
        ("{{AMQP_URL}}", "{AMQP_URL}"),
        ("plain", "plain"),
    ],
)
def test_places_are_filled_in_commands_and_environments(text: str, result: str):
    launch = expand(Service("a", command=["run", text], environment={"VALUE": text}), WIRED, PATHS)

    assert launch.command == ("run", result)
    assert launch.environment["VALUE"] == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{AMPQ_URL}",
            "{AMPQ_URL} is not there; wired with uses=: AMQP_URL, AWS_ENDPOINT_URL, QUEUE; made by the harness: venv, port",
        ),
        ("{venv.bin}", "{venv.bin} is not there; wired with uses=: AMQP_URL"),
        ("{QUEUE.host}", "{QUEUE.host} is not there; what is wired as QUEUE has: {QUEUE.name}"),
        ("{AMQP_URL.prot}", "{AMQP_URL.prot} is not there; what is wired as AMQP_URL has: {AMQP_URL.host}, {AMQP_URL.port},"),
        ("{AMQP_URL.value}", "{AMQP_URL.value} is not there; what is wired as AMQP_URL has: {AMQP_URL.host}"),
    ],
)
def test_a_place_that_is_not_there_is_an_error_that_lists_what_is(text: str, message: str):
    with pytest.raises(UsageError, match=f"^a, command: {re.escape(message)}"):
        expand(Service("a", command=[text]), WIRED, PATHS)


def test_an_error_in_the_environment_names_the_variable():
    with pytest.raises(
        UsageError, match=r"^a, environment URL: {X} is not there; wired with uses=: nothing; made by the harness: nothing$"
    ):
        expand(Service("a", command=["x"], environment={"URL": "{X}"}), {}, {})


def test_a_thing_without_parts_says_so():
    with pytest.raises(UsageError, match="what is wired as X has: none"):
        expand(Service("a", command=["{X.host}"]), {"X": Parts("x")}, {})


def test_wired_names_are_variables_of_their_own():
    environment = expand(Service("a", command=["x"]), WIRED, {}).environment

    assert environment["AMQP_URL"] == "amqp://u:p@127.0.0.1:5672/v1"
    assert environment["QUEUE"] == "placement-exported"


def test_what_is_given_at_the_start_goes_over_what_the_service_says():
    service = Service("a", command=["x"], environment={"A": "1", "B": "2", "HOME": "/other"})

    environment = expand(service, {"AMQP_URL": AMQP}, {}, {"B": "{AMQP_URL.host}"}).environment

    assert (environment["A"], environment["B"], environment["HOME"]) == ("1", "127.0.0.1", "/other")


@pytest.mark.parametrize(
    ("own", "given", "where"),
    [
        ({"QUEUE": "x"}, {}, r"its service.toml or environment="),
        ({}, {"QUEUE": "x"}, r"environment= of start"),
    ],
)
def test_a_name_used_twice_is_an_error(own: dict[str, str], given: dict[str, str], where: str):
    service = Service("a", command=["x"], environment=own)

    with pytest.raises(UsageError, match=f"a: the environment name QUEUE is used twice: in uses= and in {where}; drop one"):
        expand(service, WIRED, {}, given)


def test_nothing_of_the_users_aws_set_up_gets_in(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setenv("HOME", "/home/somebody")

    environment = base_environment()

    assert (environment["PATH"], environment["HOME"], environment["LANG"]) == ("/bin", "/home/somebody", "C.UTF-8")
    assert environment["PYTHONUNBUFFERED"] == "1"
    assert (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]) == ("000000000000", "test")
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == environment["AWS_CONFIG_FILE"] == "/dev/null"
    assert environment["HTTP_PROXY"] == environment["HTTPS_PROXY"] == environment["https_proxy"] == "http://127.0.0.1:9"
    assert environment["NO_PROXY"] == environment["no_proxy"] == "127.0.0.1,localhost"
    assert not {"AWS_PROFILE", "SOMETHING_ELSE"} & set(environment)


def test_a_container_has_its_own_machine_and_its_links_need_no_proxy():
    bridge = Parts("amqp://172.18.0.1:5672", host="172.18.0.1")

    launch = expand(Service("a", image="a:1"), {"AMQP_URL": bridge, "AWS_ENDPOINT_URL": AWS}, PATHS)

    assert (launch.image, launch.command, launch.cwd) == ("a:1", (), None)
    assert not {"PATH", "HOME", "LANG"} & set(launch.environment)
    assert launch.environment["NO_PROXY"] == launch.environment["no_proxy"] == "127.0.0.1,localhost,172.18.0.1"


def test_the_account_of_the_sandbox_is_the_access_key():
    environment = expand(Service("a", command=["x"]), WIRED, {}).environment

    assert environment["AWS_ACCESS_KEY_ID"] == "123456789012"


def test_parts_do_not_print_their_password():
    assert "'p'" not in repr(Parts("x", password="p"))
