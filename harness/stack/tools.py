"""Where the programs of a native stack are: plain paths, filled in by `provision`, read by `native`. Nothing is searched here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Tools:
    """The programs a native stack is started from; every path exists.

    `versions` has the keys localstack, rabbitmq and toxiproxy, each as the program itself says it.
    """

    localstack_python: Path
    """The interpreter of LocalStack's own environment."""
    rabbitmq_home: Path
    """.../usr/lib/rabbitmq/lib/rabbitmq_server-X: ebin and plugins live below it."""
    erlang_root: Path
    """.../usr/lib/erlang: ROOTDIR of the emulator; erts-*/bin/erlexec is below it."""
    noepmd: Path
    """The folder that holds noepmd.beam, the module that answers instead of epmd."""
    toxiproxy: Path
    """The Toxiproxy server; where `embedded`, the interpreter that runs the harness's own."""
    versions: Mapping[str, str]
    embedded: bool = False
