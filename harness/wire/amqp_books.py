"""What a tap keeps of one AMQP connection: its channels, and which frame means what to whom."""

from collections.abc import Callable
from functools import partial

from harness.history.events import Event
from harness.wire import amqp_methods as m
from harness.wire.amqp_channel import Channel
from harness.wire.amqp_content import LONGEST_BODY, Content
from harness.wire.amqp_frames import BODY, HEADER, METHOD, Frame, Whole
from harness.wire.amqp_notes import Notes
from harness.wire.amqp_sends import Sends
from harness.wire.amqp_takes import Takes
from harness.wire.amqp_topology import Topology
from harness.wire.amqp_transactions import Transactions
from harness.wire.amqp_values import U32, GarbledError
from harness.wire.streams import Side

_DECLARE_NOWAIT = 16

Handler = Callable[[Channel, bytes], None]


def _by_name(handlers: dict[int, Handler]) -> dict[bytes, Handler]:
    """Return them by what a method's frame begins with."""
    return {U32.pack(name): handler for name, handler in handlers.items()}


class Books:
    """Hands methods to those who understand them, and puts messages together from header and body frames."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._channels: dict[int, Channel] = {}
        self._is_closing = False
        self.sends = Sends(notes)
        takes = self._takes = Takes(notes)
        sends = self.sends
        transactions = Transactions(notes)
        self._handlers: dict[Side, dict[bytes, Handler]] = {
            "service": _by_name({
                m.PUBLISH: sends.publish, m.CONFIRM_SELECT: sends.select, m.CONSUME: takes.consume, m.GET: takes.get,
                m.ACK: takes.ack, m.NACK: takes.nack, m.REJECT: takes.reject, m.RECOVER: takes.recover,
                m.RECOVER_ASYNC: takes.recover, m.QUEUE_DECLARE: self._declares, m.TX_SELECT: transactions.select,
                m.TX_COMMIT: transactions.end, m.TX_ROLLBACK: transactions.end, **Topology(notes).handlers,
                **self._either("service"),
            }),
            "target": _by_name({
                m.ACK: sends.acknowledge, m.NACK: sends.refuse, m.RETURN: sends.give_back, m.CONSUME_OK: takes.consume_ok,
                m.DELIVER: takes.deliver, m.GET_OK: takes.get_ok, m.GET_EMPTY: takes.get_empty, m.DECLARE_OK: self._declared,
                m.CHANNEL_OPEN_OK: self._opened, m.TX_COMMIT_OK: transactions.committed,
                m.TX_ROLLBACK_OK: transactions.rolled_back, **self._either("target"),
            }),
        }  # fmt: skip

    def _either(self, by: Side) -> dict[int, Handler]:
        return {
            m.CANCEL: partial(self._takes.cancel, by),
            m.CHANNEL_CLOSE: partial(self._channel_close, by),
            m.CHANNEL_CLOSE_OK: self._channel_closed,
            m.CONNECTION_CLOSE: partial(self._connection_close, by),
        }

    @property
    def has_consumers(self) -> bool:
        """Whether messages are handed out on this connection."""
        return any(channel.consumes for channel in self._channels.values())

    def channel(self, number: int) -> Channel | None:
        """Return what is known of a channel."""
        return self._channels.get(number)

    def foreseen(self, by: Side, whole: Whole) -> Content | None:
        """Return what a message will be, of which nothing is written down; None for one of nobody, or that was asked for."""
        number, method, header, body, _ = whole
        channel = self._channels.get(number)
        if channel is None:
            return None
        content = self.sends.made(channel, method) if by == "service" else self._takes.foreseen(channel, method)
        if content is not None:
            content.header, content.whole = header, body
            content.size = content.given = len(body)
        return content

    def under_way(self, by: Side) -> set[int]:
        """Return the channels with a message under way in this direction."""
        return {number for number in self._channels if self.content(by, number) is not None}

    def method(self, by: Side, number: int, payload: bytes) -> Channel | None:
        """Take a method frame; return its channel where the method means something."""
        handler = self._handlers[by].get(payload[:4])
        if handler is None:
            if len(payload) < U32.size:
                message = "a method without a name"
                raise GarbledError(message)
            return None
        channel = self._channels.get(number)
        if channel is None:
            channel = self._channels[number] = Channel(number)
            channel.dead = self._is_closing
        handler(channel, payload)
        return channel

    def take(self, by: Side, frame: Frame) -> Content | None:
        """Take a frame, or a piece of one; return the message that is complete by it."""
        if frame.kind == METHOD:
            self.method(by, frame.channel, frame.payload)
        elif frame.kind == HEADER:
            return self.header(by, frame.channel, frame.payload)
        elif frame.kind == BODY:
            return self.body(by, frame.channel, frame.payload)
        return None

    def message(self, by: Side, number: int, method: bytes, header: bytes, body: bytes, _: int) -> None:
        """Take the frames of a whole message; of one that is not processed by anybody nothing is left."""
        channel = self.method(by, number, method)
        if channel is None:
            return
        content = channel.sending if by == "service" else channel.receiving
        if content is None or content.size >= 0 or len(body) > LONGEST_BODY:
            self.header(by, number, header)
            self.body(by, number, body)
            return
        content.header, content.whole = header, body
        content.size = content.given = len(body)
        self._complete(by, channel, content)

    def content(self, by: Side, number: int) -> Content | None:
        """Return the message that is under way in this direction of a channel."""
        channel = self._channels.get(number)
        if channel is None:
            return None
        return channel.sending if by == "service" else channel.receiving

    def header(self, by: Side, number: int, payload: bytes) -> Content | None:
        """Take a content header; return the message if that is all of it."""
        content = self.content(by, number)
        if content is None or content.size >= 0:
            return None
        content.header = payload
        content.size = int.from_bytes(payload[4:12], "big")
        return None if content.size else self._complete(by, self._channels[number], content)

    def body(self, by: Side, number: int, piece: bytes) -> Content | None:
        """Take a piece of a body; return the message if it is complete."""
        content = self.content(by, number)
        if content is None or content.size < 0 or not piece:
            return None
        content.add(piece)
        return self._complete(by, self._channels[number], content) if content.given >= content.size else None

    def _complete(self, by: Side, channel: Channel, content: Content) -> Content:
        if by == "service":
            channel.sending = None
            self.sends.published(channel, content)
        else:
            channel.receiving = None
            if content.kind == "return":
                self.sends.returned(channel, content)
            else:
                self._takes.delivered(channel, content)
        return content

    def _declared(self, channel: Channel, payload: bytes) -> None:
        channel.last_queue = m.decoded(m.DECLARE_OK, payload)["queue"]

    def _declares(self, channel: Channel, payload: bytes) -> None:
        """Take note of a queue whose declaration will not be answered."""
        found = m.decoded(m.QUEUE_DECLARE, payload)
        if found["bits"] & _DECLARE_NOWAIT and found["queue"]:
            channel.last_queue = found["queue"]

    def _opened(self, channel: Channel, payload: bytes) -> None:
        del payload
        self._channels[channel.number] = Channel(channel.number)
        self._notes.record(Event(kind="opened", wire="Channel.Open", data={"channel": channel.number}))

    def _channel_close(self, by: Side, channel: Channel, payload: bytes) -> None:
        if not channel.dead:
            channel.die()
            found = m.decoded(m.CHANNEL_CLOSE, payload)
            data: dict[str, object] = {"by": by, "channel": channel.number, "text": found["text"]}
            self._notes.record(Event(kind="closed", how="fin", wire="Channel.Close", status=found["status"], data=data))

    def _channel_closed(self, channel: Channel, payload: bytes) -> None:
        del payload
        self._channels.pop(channel.number, None)

    def _connection_close(self, by: Side, channel: Channel, payload: bytes) -> None:
        del channel
        if not self._is_closing:
            self._is_closing = True
            for one in self._channels.values():
                one.die()
            found = m.decoded(m.CONNECTION_CLOSE, payload)
            data: dict[str, object] = {"by": by, "text": found["text"]}
            self._notes.record(Event(kind="closed", how="fin", wire="Connection.Close", status=found["status"], data=data))
