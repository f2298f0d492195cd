"""A boto3 client that does what it is told, one call a line, and says what came of it; it runs under any botocore.

Started as a program it is the client; imported it starts clients. Nothing of the harness is known to the program.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

Outcome = tuple[str, Mapping[str, Any]]
"""`ok`, or what was raised: the code of the error, or the name of the exception; and the answer."""


class Asking:
    """One client in a process of its own, with a connection that it keeps."""

    def __init__(self, python: str, endpoint: str, account: str) -> None:
        command = [python, __file__, endpoint, account]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.version = self._said()

    def _said(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def begin(self, operation: str, **arguments: Any) -> Callable[[], Outcome]:
        """Have it call, and return what waits for what came of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([operation, arguments]) + "\n")
        self._process.stdin.flush()
        return self._finish

    def _finish(self) -> Outcome:
        word, answer = self._said()
        return word, answer

    def ask(self, operation: str, **arguments: Any) -> Outcome:
        """Have it call, and return what came of it."""
        return self.begin(operation, **arguments)()

    def end(self) -> None:
        self._process.communicate(timeout=60)


def outcome(call: Callable[..., Any], arguments: Mapping[str, Any]) -> Outcome:
    """Call, and return what came of it in a word."""
    try:
        return "ok", {name: value for name, value in call(**arguments).items() if name != "ResponseMetadata"}
    except ClientError as error:
        said = error.response
        status = said["ResponseMetadata"]["HTTPStatusCode"]
        return said["Error"]["Code"], {"class": type(error).__name__, "status": status, "text": said["Error"]["Message"]}
    except BotoCoreError as error:
        return type(error).__name__, {}


def main() -> None:
    """Take calls until there are no more."""
    endpoint, account = sys.argv[1:]
    config = Config(retries={"max_attempts": 0}, read_timeout=60)
    session = boto3.Session(aws_access_key_id=account, aws_secret_access_key="test", region_name="us-east-1")
    clients: dict[str, Any] = {"sqs": session.client("sqs", endpoint_url=endpoint, config=config)}
    clients["sns"] = session.client("sns", endpoint_url=endpoint, config=config)
    sys.stdout.write(json.dumps(botocore.__version__) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        operation, arguments = json.loads(line)
        client = clients["sns" if "publish" in operation else "sqs"]
        done = outcome(getattr(client, operation), arguments)
        sys.stdout.write(json.dumps(done, default=lambda raw: base64.b64encode(raw).decode()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
