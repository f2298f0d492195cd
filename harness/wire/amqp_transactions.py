"""What a tap on AMQP knows of transactions: publishes and words count when the broker says that they are committed.

A word that was rolled back was never spoken: its delivery is open again, but RabbitMQ does not hand it out anew. A publish that
was rolled back is refused: the broker will not process it.
"""

from collections.abc import Sequence

from harness.wire.amqp_channel import Channel, Transaction, Word
from harness.wire.amqp_content import Content
from harness.wire.amqp_notes import Notes


class Transactions:
    """The transactions of one connection; a channel is in one from Tx.Select on, each Commit or Rollback begins the next."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def select(self, channel: Channel, payload: bytes) -> None:
        """Begin the first one."""
        del payload
        channel.transaction = channel.transaction or Transaction()

    def end(self, channel: Channel, payload: bytes) -> None:
        """Take note that what was said so far is to be committed or rolled back, and begin the next."""
        del payload
        if channel.transaction is not None and not channel.dead:
            channel.ending.append(channel.transaction)
            channel.transaction = Transaction()

    def committed(self, channel: Channel, payload: bytes) -> None:
        """Write down what the broker has processed by now."""
        del payload
        if channel.ending:
            one = channel.ending.pop(0)
            for sent in one.sent:
                self._notes.word("acknowledged", "", "Tx.CommitOk", sent)
            for tag, content, how, wire in one.words:
                self._notes.word("settled", how, wire, content, name(channel, tag, content))

    def rolled_back(self, channel: Channel, payload: bytes) -> None:
        """Write down what the broker has thrown away."""
        del payload
        if channel.ending:
            one = channel.ending.pop(0)
            for sent in one.sent:
                self._notes.word("refused", "", "Tx.RollbackOk", sent)
            channel.reopen([(word.tag, word.content) for word in one.words])


def settle(notes: Notes, channel: Channel, given: Sequence[tuple[int, Content | None]], how: str, wire: str) -> None:
    """Write down the consumer's word on these deliveries; in a transaction it waits for the commit."""
    if channel.dead:
        return
    if channel.transaction is not None:
        channel.transaction.words += [Word(tag, content, how, wire) for tag, content in given]
        return
    for tag, content in given:
        notes.word("settled", how, wire, content, name(channel, tag, content))


def name(channel: Channel, tag: int, content: Content | None) -> str:
    """Return what the journal calls a delivery: the far tap's name where the near tap's tag is another."""
    return (content.name if content is not None else "") or f"{channel.number}:{tag}"
