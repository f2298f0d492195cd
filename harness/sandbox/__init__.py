"""One scenario's private world: brokers, queues, resources, services, faults, the drain. Nothing is judged here."""
