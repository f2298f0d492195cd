"""One scenario's private world: brokers, queues, resources, services, faults, and the wait for quiescence. Nothing is judged here."""
