"""For each label the one setting to look at first, and for each check what it promises: the words of a failure's text."""

from harness.history.events import Declaration

PROMISES = {
    "accounted": "each message ended once, where its sender said",
    "bundled": "equal errors come as one notice with their number",
    "classified": "each failure is dealt with as its class wants: tried again, or put aside",
    "conforms": "messages are on the wire as their queue's contract says",
    "context_kept": "what was put aside is what was sent, and says why it is there",
    "effected_once": "every message has its effect once",
    "headroom": "work on a message is over well before its visibility timeout",
    "in_doubt_resolved": "what may have been done is asked about before it is done again, and not forgotten",
    "in_order": "messages of one group take effect in the order in which they were sent",
    "neighbours_served": "messages beside one in trouble are served in time",
    "nothing_dead_lettered": "no message ends in a dead-letter queue",
    "paced": "attempts on one message keep their distance",
    "parked": "what cannot be done is put aside after its attempts",
    "recovered": "what a fault held up has its effect in time after it",
    "signalled": "somebody is told of every message that failed for good",
    "survived": "no service ends by itself",
}
HINTS = {
    "accounted": {
        "lost": "publisher confirms and durable queues; nobody consumed it and it is not there any more",
        "unrouted": "the producer's exchange and routing key against the queue's binding, and its handling of basic.return",
        "dropped": "the queue's dead-letter exchange, and its delivery limit: what is rejected goes nowhere",
        "expired": "the queue's retention period{retention} or x-message-ttl{ttl} against how long its consumer is away",
        "acked_without_effect": "where the consumer acknowledges: before its work, or in a handler that swallows the error",
        "partly_effected": "the order of the consumer's effects, and what it does when the second fails",
        "effected_and_dead_lettered": (
            "what gives it back: a reject after its work, or the visibility timeout{visibility} before its end"
        ),
        "deduplicated": "the producer's MessageDeduplicationId (or content-based deduplication): two messages share it",
        "stuck": "message attribute JavaType (the type a consumer reads by), and that the queue has no dead-letter queue",
        "wedged": "what the consumer waits for without a timeout, and its prefetch count",
        "unconsumed": "the queue name the consumer listens to, and its listener's concurrency",
    },
    "bundled": {
        "flood": "what groups errors before they are sent (fingerprint, deduplication window) at the alarm's side",
        "miscounted": "the closing count of a bundle: errors that come after its first notice",
        "merged": "the fingerprint of an error: it needs what tells two kinds apart",
        "false_alarm": "what notifies before the retries are over",
    },
    "classified": {
        "transient_dead_lettered": "the consumer's reject/requeue decision for this failure: tried again, it may pass",
        "permanent_requeued": "the consumer's retry decision for this status: no second attempt can change it",
        "transient_acked": "the handler that swallows the error: what it returns from normally is acknowledged",
        "retries_exhausted_not_parked": "the queue's dead-letter queue: what its consumer gives up on goes nowhere",
    },
    "conforms": {
        "unexpected_attribute": "what the producer's library adds by itself (its header mapper, a tracing agent)",
        "missing_attribute": "what the producer's library leaves out by itself (its header mapper)",
        "wrong_type": "the type that the producer's library writes an attribute with",
        "wrong_group": "the header by which the producer's library is told the MessageGroupId: it may have another name now",
        "wrong_body": "the producer's serializer, and the class it writes",
    },
    "context_kept": {
        "body_changed": "what sends a message aside: the body it was given, or one that it wrote anew",
        "attribute_lost": "what sends a message aside: the headers or attributes it copies",
        "reason_missing": "a recoverer that republishes with the error in headers (x-exception-message), instead of a reject",
    },
    "effected_once": {
        "not_effected": "what the consumer does with a message after its attempt failed",
        "duplicated_by_expiry": "the queue's visibility timeout{visibility} against the longest time of one message's work",
        "duplicated_by_ack_loss": "an idempotency key at the resource: an acknowledgement can always be lost",
        "duplicated_by_connection_loss": "an idempotency key at the resource: a lost connection gives back what was not acked",
        "duplicated_by_requeue": "asking the resource before trying again a message that comes back (redelivered, x-death)",
        "duplicated_by_replay": "an idempotency key at the resource: dead letters are sent back by hand",
        "duplicated_by_producer": "the producer's retry, and the deduplication id it sends with",
        "duplicated_by_broker": "an idempotency key at the resource: both brokers deliver at least once",
        "duplicated_by_network": "an idempotency key at the resource: what stands between can send a request twice",
        "duplicated_by_blind_retry": "what repeats a request whose answer was lost: let it ask first, or send an idempotency key",
    },
    "headroom": {
        "overrun": "the queue's visibility timeout{visibility} against the longest time of one message's work; or a heartbeat",
        "thin": "the queue's visibility timeout{visibility}: raise it until the slowest dependency's timeout fits in with room",
    },
    "in_doubt_resolved": {
        "blind_retry": "what repeats a request whose answer was lost: let it ask first, or send an idempotency key",
        "vanished": "what the consumer does with a message after a request that got no answer",
    },
    "in_order": {
        "effect_inversion": "the MessageGroupId that the producer sends: what belongs together needs the same one",
        "group_concurrency": "the consumer's concurrency within one group, and the queue's visibility timeout{visibility}",
        "gap": "the group's later messages when one is dead-lettered: a FIFO queue goes on without it",
    },
    "neighbours_served": {
        "late": "the consumer's concurrency and prefetch count, and whether it sleeps before it gives a message back",
        "wedged": "what the consumer's receive loop does with an exception: the library's version, and its error handler",
        "starved": "requeue=true without a pause: what comes back at once is taken before those that wait",
    },
    "nothing_dead_lettered": {
        "transient_dead_lettered": "the consumer's reject/requeue decision for connection errors",
        "in_doubt_dead_lettered": "the consumer's reject/requeue decision for answers that did not come",
        "dead_lettered": "the consumer's reject/requeue decision for this status",
        "dead_lettered_unseen": "maxReceiveCount{receives} or x-message-ttl{ttl} against how long the consumer is away",
    },
    "paced": {
        "hot_loop": "requeue=true without a pause: a delay queue (x-message-ttl) or a back-off before the nack",
        "off_schedule": "the back-off of the consumer's retry policy",
    },
    "parked": {
        "redelivered_for_ever": (
            "maxReceiveCount{receives} and RedrivePolicy, the delivery limit, or the consumer's own count of attempts"
        ),
        "not_parked": "what the consumer does after its last attempt, and that the queue has a dead-letter queue",
        "parked_late": "maxReceiveCount{receives} or the delivery limit against the number of attempts that was promised",
    },
    "recovered": {
        "late": "the longest back-off between attempts, and the visibility timeout{visibility} of a message in flight",
        "never": "the retry budget against the length of the fault, and that the consumer reconnects",
    },
    "signalled": {
        "silent": "what sends logged errors to the alarm sink (its integration), and an alarm on queue age or dead letters",
        "late": "the evaluation period of the alarm",
    },
    "survived": {
        "exited": "what the service's main loop does with an exception of its broker's connection: the library's version",
    },
}


def hint(check: str, label: str, queue: Declaration | None = None) -> str:
    """Return the setting to look at, with the value that this queue was declared with."""
    values = {
        "visibility": queue and queue.visibility_timeout,
        "receives": queue and queue.max_receive_count,
        "ttl": queue and queue.ttl,
        "retention": queue and queue.retention_period,
    }
    said = {
        name: "" if value is None else f" ({value:.10g}{'' if name == 'receives' else ' s'})" for name, value in values.items()
    }
    return HINTS[check][label].format_map(said)
