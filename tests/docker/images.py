"""Images of services under test, made of the fixtures' own programs: what a team's Dockerfile does, without a registry.

The image of LocalStack is below them because it is there and has a Python.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from harness import Service
from harness.engine.daemon import connected
from harness.services.build import paths_of
from harness.stack import cache
from harness.stack.containers import image_of

WRITER = "harness-test/esr-writer:1"
DOCKERFILE = """
FROM {base}
COPY . /service
WORKDIR /service
ENV PYTHONPATH=/service/packages
ENTRYPOINT []
CMD ["python3", "/service/{program}"]
"""


def writer(folder: Path) -> str:
    """Make the image of the inbound data writer; return its name."""
    service = Service.named("esr-writer")
    assert service.folder is not None
    packages = next(Path(paths_of(service, cache.folder())["venv"]).glob("lib/python*/site-packages"))
    shutil.copytree(packages, folder / "packages")
    return made(folder, WRITER, "writer.py", {"writer.py": (service.folder / "writer.py").read_text()})


def made(folder: Path, name: str, program: str, files: Mapping[str, str]) -> str:
    """Make an image of these files that is started with one of them; return its name."""
    for file, text in files.items():
        (folder / file).write_text(text)
    (folder / "Dockerfile").write_text(DOCKERFILE.format(base=image_of("localstack"), program=program))
    client = connected()
    client.images.build(path=str(folder), tag=name, rm=True)
    client.close()
    return name


LICENSED = "harness-test/localstack-that-demands-a-licence:1"
DEMANDS = """
import sys
print("===============================================")
print("License activation failed!")
print("")
print("Reason: No credentials were found in the environment. Please make sure to set the LOCALSTACK_AUTH_TOKEN variable.")
print("")
print("Due to this error, LocalStack has quit.")
sys.exit(55)
"""


def licensed(folder: Path) -> str:
    """Make a stand-in for a LocalStack of 2026.3 or later, which prints what that one prints and ends as that one ends."""
    return made(folder, LICENSED, "localstack.py", {"localstack.py": DEMANDS})
