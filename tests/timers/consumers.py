"""Programs that wait for timers of brokers and for their own: real consumers, each of a queue that is given to it."""

from collections.abc import Callable, Mapping

from harness import Sandbox, Service
from harness.model import Link
from harness.sandbox.instances import Instance
from harness.sandbox.queues import Queue
from harness.sandbox.things import Usable

POISON = "uk.nhs.hee.trainee.details.event.ProfileCreateEvent"
"""A class that consumers of spring-cloud-aws 3 do not have, and obey the attribute that names it."""
KEY = "/placementId"
Start = Callable[[Sandbox, Queue], Instance]


def to_broker(queue: str) -> Link:
    """Return the link of a queue's consumer to RabbitMQ."""
    return Link(f"{queue}-consumer", "rabbitmq")


def to_work(queue: str) -> Link:
    """Return the link of a queue's consumer to what it asks for each message."""
    return Link(f"{queue}-consumer", f"{queue}-work")


def body(number: int) -> dict[str, object]:
    """Return a message that each of them can read, and that names the number."""
    return {"placementId": number, "traineeTisId": str(number)}


def syncing(service: Service) -> Start:
    """Return what starts this version of trainee-sync, to which every message is poison."""

    def start(sandbox: Sandbox, queue: Queue) -> Instance:
        requests = f"{queue.thing_name}-requests.fifo"
        sandbox.aws.queue(requests)
        names = {"PROFILE_QUEUE": queue.thing_name, "REQUEST_QUEUE": requests}
        return started(sandbox, service, queue, {"AWS_ENDPOINT_URL": sandbox.aws}, names)

    return start


def taking(service: Service, work: str, more: Mapping[str, str] | None = None) -> Start:
    """Return what starts a consumer of RabbitMQ whose variable `work` says where it does its work."""

    def start(sandbox: Sandbox, queue: Queue) -> Instance:
        place = sandbox.http(to_work(queue.thing_name).thing, key=KEY)
        names = {"QUEUE": queue.thing_name, **(more or {})}
        return started(sandbox, service, queue, {"AMQP_URL": sandbox.rabbitmq, work: place}, names)

    return start


def started(
    sandbox: Sandbox, service: Service, queue: Queue, uses: Mapping[str, Usable], environment: Mapping[str, str]
) -> Instance:
    """Start the consumer of a queue, and again whenever it ends by itself."""
    name = to_broker(queue.thing_name).service
    return sandbox.start(service, uses=uses, environment=environment, name=name, restart_after=1)


BOTO3 = syncing(Service.named("trainee-sync")["boto3", "as it was"])
PIKA = taking(Service.named("esr-writer"), "TCS_URL")
AMQPLIB = taking(Service.named("job-taker"), "WORK_URL")
SPRING_CLOUD_AWS = syncing(Service.named("trainee-sync")["3.4.2", "on the machine's clock"])
"""The only one that keeps the machine's clock."""
SPRING_AMQP = taking(Service.named("esr-data-writer"), "TCS_URL")
