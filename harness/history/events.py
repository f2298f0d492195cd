"""The events of a journal: one struct, a closed list of kinds, and what each field means.

One line of `journal.jsonl` is one `Event` as JSON with defaults left out. `n` is the total order (given by the one recorder of a
sandbox, in the order in which the bytes it describes go on), `t` is seconds on the sandbox's clock since its start.

Where an event was seen (`at`): `near` between the service and Toxiproxy; `far` between Toxiproxy and the broker; `resource` in a
resource of the harness; `broker` read from a broker's counters; `harness` done by the harness itself.
A (`link`, `conn`, `x`) names one request or message exchange on one connection; it is the same number near and far, so that
"near and not far" means the request was lost, "far and not near" means the answer was lost.

The kinds:

world
  declared      data = Declaration: a queue, a resource, a link, a service, an alarm sink. Always before its first use.
  started ready exited     service = name; exited: status = exit code (negative: signal); how = harness if we ended
                it, hurried if it died of its start on a compressed clock, or may have.
                at = broker: of a broker that the sandbox has for itself
  opened closed            a connection (conn) or, with data.channel, an AMQP channel. closed: how = fin | rst | refused,
                           data.by = service | target; wire = Connection.Close / Channel.Close, status = reply code where seen
  moved                    bytes of a protocol that nobody reads: size = how many since the last such event, data.side
  subscribed    a consumer showed itself: wire = Basic.Consume | ReceiveMessage (the first on a link and queue). queue

  bound unbound a way from an exchange to a queue (or, data.to, to another exchange) was made or taken away, seen far or made by
                the harness: data.exchange, data.routing_key, data.arguments. Exchanges are `declared`, with their kind. A
                topic of SNS is an exchange of the kind sns, a subscription a way with its filter policy as arguments

messages (key = identity, see below; queue = the queue; mid = the broker's own message id)
  attempted     a send was begun. near, far, or harness (its own publish). data.exchange (on SNS: the topic), data.routing_key
                (AMQP); queue = the destination where it is known, else it is owed by every queue the exchange leads to; headers =
                what a filter looks at (SNS). data.ends = effected | dead-lettered | refused (only from harness publishes);
                data.redriven: a dead letter sent back, not news of the sender's; data.group: the message's group, from the
                harness as the queue was declared, from a tap as it was on the wire; data.belongs: the group that its body says,
                where the queue was declared with a place for it
  acknowledged  the broker confirmed that send: 200 with the entry in Successful, publisher confirm, tx.commit-ok. x as in the
                attempt; mid set
  refused       the send definitely failed: a 4xx seen far, basic.nack, tx.rollback-ok, an error made by a tap without forwarding
  returned      basic.return: unroutable. status, data.text
  delivered     handed out (far) or seen by the service (near). tag = receipt handle digest, or "channel:delivery tag" on AMQP.
                redelivered; count = ApproximateReceiveCount / x-delivery-count where on the wire; attributes, headers;
                SQS: data.visibility = the request's own timeout; data.requested = when it passed (optional, narrows deadlines);
                data.group, deduplication, sequence, trace (AWSTraceHeader), in attempted too where they are in the request
  settled       the consumer's word passing this tap: how = ack | reject | requeue | delete | visibility | no_ack | cancel.
                tag as in delivered; delay = the new visibility timeout in seconds. AMQP multiple acks are recorded once per tag,
                those in a transaction when it is committed.
  dead_lettered a message was seen in the dead-letter queue of `queue`, by a look at the broker while somebody waits for that
                moment: no tap sees it move. key and mid on SQS only
  confirmed     the broker's answer to a settlement (SQS only): ok, status. Same x and tag as the settled event.

resources (HTTP and others)
  requested     a request is complete. near: forwarded; resource: read to its last byte, before anything changed. wire = method,
                key, data.path, x. A request of which only the head arrived is recorded at the resource with ok = false.
  effected      the resource really changed. key, x, data.version
  answered      at = resource: the answer was written; at = near: its last byte has left for the service. status, x
                Also for SQS calls (wire = operation) at far and near: the answer to call x passed. ok = false: an error answer
  noticed       an alarm sink heard something. data.text

faults
  fault         how = injected | began | ended | failed. fault = its id ("f1"), data.fault = name, data.link / victim,
                data.code = repr; data.call: the faults of one `inject` call are alternatives
  bit           one message or request was changed by a rule in a tap: fault, link, conn, x, key, queue, wire
                (outage, latency and kill leave their bite as ordinary events: `bites.py` counts them)

the end
  drained       how = quiet | steady | no; data.reason; data.looks = ready counters by queue
  closing       the history is closed: a later effect or settlement is late
  residue       one message found in a queue by the final scan: queue, key, mid, headers, attributes, count
  scanned       queue; data.messages: how many the scan found there
                With data.drain they are a look as a phase ended (the scenario acted again after a drain), and say nothing of what
                came later; of a queue of RabbitMQ such a look has only data.ready: how many are there
  canary        never in a real journal: what `canary.py` splices in is marked so
  gap           a tap could not follow a connection: link, conn, data.reason. Taints only what used that connection
  bypassed      traffic that went around a link: data.reason
  repeated      the journal stopped writing the single events of a hot message: key, queue, data = counts by kind
  judged        a verdict was asked for: data = check, arguments, expectation, waivers (enough for `recheck`)

Identity (`key`): the declared key found in the body, path or headers; else the broker's message id ("id:..." ); else
"sha256:..." of exchange, routing key, body and headers without x-*.
"""

from typing import Literal, get_args

import msgspec

SCHEMA = 1

Kind = Literal[
    "declared", "started", "ready", "exited", "opened", "closed", "moved", "subscribed", "bound", "unbound",
    "attempted", "acknowledged", "refused", "returned", "delivered", "settled", "confirmed",
    "dead_lettered",
    "requested", "effected", "answered", "noticed",
    "fault", "bit",
    "drained", "closing", "residue", "scanned", "canary", "gap", "bypassed", "repeated", "judged",
]  # fmt: skip
At = Literal["near", "far", "resource", "broker", "harness"]
KINDS: tuple[str, ...] = get_args(Kind)


class Event(msgspec.Struct, omit_defaults=True, gc=False, kw_only=True):
    """One thing that happened. Fields are explained in the module docstring; a field that does not apply has its default."""

    n: int = 0
    t: float = 0.0
    kind: Kind
    at: At = "harness"
    link: str = ""
    conn: int = 0
    x: int = 0
    wire: str = ""
    service: str = ""
    queue: str = ""
    key: str = ""
    mid: str = ""
    tag: str = ""
    how: str = ""
    ok: bool | None = None
    status: int | None = None
    delay: float | None = None
    count: int | None = None
    redelivered: bool = False
    fault: str = ""
    size: int = 0
    digest: str = ""
    body: str = ""
    attributes: dict[str, tuple[str, str]] | None = None
    headers: dict[str, object] | None = None
    data: dict[str, object] | None = None


class Header(msgspec.Struct, kw_only=True):
    """The first line of a journal: which sandbox, when, and the names declared before its first event.

    `fidelity` names what AWS does and the emulator of this run does not, nor a tap in its place.
    """

    schema: int = SCHEMA
    sandbox: str
    scenario: str = ""
    variant: str = ""
    test: str = ""
    started: str
    speed: float = 1.0
    queues: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    versions: dict[str, str] = {}
    fidelity: tuple[str, ...] = ()


class Declaration(msgspec.Struct, omit_defaults=True, kw_only=True):
    """The `data` of a `declared` event: one thing of the sandbox, with what judging has to know of it.

    `effects` is a list of alternatives sets: every set must be effected, one of a set is enough (`a | b`).
    Times are seconds. `clock` of a service is "real" where a compressed world leaves it the machine's. `role` is the role of a
    queue: what a message that lies there has become. `group` says where a message's group stands in its body; `contract` is an
    AsyncAPI message object.
    """

    what: Literal["queue", "resource", "link", "service", "alarms", "exchange"]
    name: str
    broker: Literal["", "aws", "rabbitmq"] = ""
    role: Literal["work", "retry", "dead-letter", "parking"] = "work"
    key: str | None = None
    version: str | None = None
    effects: tuple[tuple[str, ...], ...] = ()
    visibility_timeout: float | None = None
    retention_period: float | None = None
    max_receive_count: int | None = None
    dead_letter: str | None = None
    ttl: float | None = None
    fifo: bool = False
    kind: str = ""
    service: str = ""
    thing: str = ""
    longest_silence: float | None = None
    watches: tuple[str, ...] = ()
    group: str | None = None
    contract: dict[str, object] | None = None
    clock: str = ""
