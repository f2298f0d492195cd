"""LocalStack, RabbitMQ and Toxiproxy: found or provisioned, started natively, kept running, or attached to."""

from harness.stack.model import Stack

__all__ = ["Stack"]
