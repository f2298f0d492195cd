"""Services under test: what to run (`Service`), with which environment (`expand`), from which build, as which process.

How a service is connected to brokers, and when it counts as ready on the wire, is the sandbox's business.
"""

from harness.services.parts import Launch, Parts, expand
from harness.services.process import Process
from harness.services.service import Service

__all__ = ["Launch", "Parts", "Process", "Service", "expand"]
