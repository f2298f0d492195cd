"""LocalStack in host mode, as a part of a native stack: private, on loopback, and warm when it counts as ready."""

import http
import os
import shutil
import socket
from collections.abc import Mapping
from pathlib import Path

from harness.address import LOOPBACK, Address
from harness.stack import cache, probe
from harness.stack.part import Part, private
from harness.stack.probe import NoAnswerError
from harness.stack.tools import Tools

LOCALSTACK: Mapping[str, str] = {
    "SERVICES": "sqs,sns,ses,cloudwatch",
    "EAGER_SERVICE_LOADING": "1",  # the first call of a scenario is not the slow one
    "OVERRIDE_IN_DOCKER": "0",  # in a container LocalStack would take itself for its own image and write to /var/lib/localstack
    "SQS_ENDPOINT_STRATEGY": "dynamic",  # queue URLs name the address the client used: a link, not the broker
    "SQS_DISABLE_CLOUDWATCH_METRICS": "1",  # a third of a core in sqlite writes
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "DISABLE_EVENTS": "1",
    "DNS_ADDRESS": "0",
    "DOCKER_CMD": "true",  # nothing here runs in containers; not asking saves a process
    "PYTHONUNBUFFERED": "1",
}

# The cheapest SQS call there is; LocalStack does not verify signatures, but takes account and region from the credential.
CREDENTIAL = "Credential=000000000000/20260101/us-east-1/sqs/aws4_request"
LIST_QUEUES = {
    "X-Amz-Target": "AmazonSQS.ListQueues",
    "Content-Type": "application/x-amz-json-1.0",
    "Authorization": f"AWS4-HMAC-SHA256 {CREDENTIAL}, SignedHeaders=host, Signature=0",
}
WARM_WITHIN = 60.0  # s; the first call of a first start builds an index of all AWS APIs, 4 s on a quiet machine
CACHE = "var/lib/localstack/cache"


def localstack(tools: Tools, folder: Path, port: int) -> Part:
    """Return LocalStack in host mode, with its files below `folder`."""
    seed = cache.folder() / "localstack-index"
    if seed.is_dir():
        shutil.copytree(seed, folder / CACHE)
    address = Address(LOOPBACK, port)

    def version() -> str:
        found = probe.localstack(address)
        _warm(address)
        keep_index(folder / CACHE, seed)
        return found

    settings = {"GATEWAY_LISTEN": f"{gateway()}:{port}", "FILESYSTEM_ROOT": str(folder)}
    return Part(
        name="LocalStack",
        command=(str(tools.localstack_python), "-m", "localstack.runtime.main"),
        environment={**LOCALSTACK, **private(folder), **settings},
        ports=(port,),
        version=version,
        mend="if it says that modules are missing, remove its environment in the cache folder, so that it is made anew",
    )


def _warm(address: Address) -> None:
    """Make the first call here, where it is waited for, and not in a scenario whose timers are running."""
    status, _ = probe.request(address, "POST", "/", body={}, headers=LIST_QUEUES, within=WARM_WITHIN)
    if status != http.HTTPStatus.OK:
        message = f"answers, but its SQS refuses ListQueues with status {status}"
        raise NoAnswerError(message)


def keep_index(made: Path, seed: Path) -> None:
    """Keep the index LocalStack has built for the next start, whole or not at all; a start without it takes 4 s longer."""
    if seed.exists() or not any(made.glob("service-catalog-*")):
        return
    half = seed.with_name(f"{seed.name}.{os.getpid()}")
    shutil.copytree(made, half)
    try:
        half.rename(seed)
    except OSError:  # another run was quicker
        shutil.rmtree(half)


def gateway() -> str:
    """Return the address that keeps LocalStack on loopback: given an IPv4 address it binds to 0.0.0.0, an IPv6 one it heeds."""
    try:
        with socket.socket(socket.AF_INET6) as probed:
            probed.bind((f"::ffff:{LOOPBACK}", 0))
    except OSError:
        return LOOPBACK
    return f"[::ffff:{LOOPBACK}]"
