"""LocalStack, RabbitMQ and Toxiproxy: provisioned, started natively, or attached to."""
