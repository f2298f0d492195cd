"""Trainee profiles, every pair of library versions: which producer's messages which consumer can read (S1-05).

spring-cloud-aws put the producer's class on the wire from 3.0 on (attribute JavaType), and consumers of 3.0 to 3.4 obey it:
without that class they read nothing, and the message comes back for ever; what 3.0.4 and 3.1.0 lose beside that is told in L-13.
2.4 and 4.1 do not look. So a pair breaks, not a version, and whoever upgrades one side has to know the other.
"""

import pytest

from harness import Sandbox, Service, require
from harness.checks import accounted

DETAILS, SYNC = Service.named("trainee-details"), Service.named("trainee-sync")
OBEDIENT = ("3.0.4", "3.1.0", "3.1.1", "3.4.2")
TYPED = (*OBEDIENT, "4.1.0")
BREAKS = {(details, sync): "stuck" for details in TYPED for sync in OBEDIENT}
"""The agreed table; a pair that is not in it works."""
TURNED = [
    ("2.4.4", "2.4.4"), ("2.4.4", "3.1.1"), ("3.1.0", "2.4.4"), ("3.1.0", "3.1.1"), ("3.1.0", "4.1.0"),
    ("3.4.2", "3.1.0"), ("3.4.2", "3.4.2"), ("3.4.2", "4.1.0"), ("4.1.0", "3.4.2"),
]  # fmt: skip
"""The pairs that changed colour when one side was upgraded are told on every run, the others with --harness-matrix=whole."""
JAVA = [one.version for one in SYNC.versions if one.version != "boto3"]


@pytest.mark.scenario("S1-05", speed=20, always=TURNED)
@pytest.mark.parametrize("sync", JAVA)
@pytest.mark.parametrize("details", JAVA)
def test_every_pair_of_versions(sandbox: Sandbox, details: str, sync: str):
    requests = sandbox.aws.queue("request.fifo", key="/id")
    created = sandbox.aws.queue("profile-created", key="/traineeTisId", effect=requests, visibility_timeout=30)
    producer = sandbox.start(DETAILS[details], uses={"AWS_ENDPOINT_URL": sandbox.aws})
    sandbox.start(SYNC[sync], uses={"AWS_ENDPOINT_URL": sandbox.aws})
    created.publish([{"traineeTisId": "1"}], by=producer)
    history = sandbox.drain(within=300)
    require(accounted(history).broken_as(BREAKS.get((details, sync))))
