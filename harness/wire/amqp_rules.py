"""What rules do on AMQP: other headers on a message, a publisher's confirm that never arrives. What else there is, is refused."""

from harness.errors import UsageError
from harness.history.events import Event
from harness.wire.amqp_channel import Channel
from harness.wire.amqp_content import Content
from harness.wire.amqp_frames import HEADER, METHOD, framed
from harness.wire.amqp_methods import confirm
from harness.wire.amqp_values import with_headers
from harness.wire.rules import Rule, refuse_others
from harness.wire.streams import Tap

CONFIRMED = "Basic.Publish"
ALTERABLE = ("Basic.Publish", "Basic.Deliver", "Basic.GetOk")

HEAD = 7
"""Bytes of a frame before its payload."""


def supports(rule: Rule) -> None:
    """Raise UsageError with a sentence where AMQP has no such thing."""
    refuse_others(rule, ("altered", "answer_lost"), "a link to RabbitMQ")
    if rule.name == "answer_lost":
        if rule.status is not None:
            message = (
                f"answer_lost on {rule.link}: AMQP has no status {rule.status}; without status= the confirm of a publish is lost"
            )
            raise UsageError(message)
        if rule.on not in (None, CONFIRMED):
            message = f"answer_lost on {rule.link}: AMQP can lose the confirm of a publish (on={CONFIRMED!r}), not {rule.on!r}"
            raise UsageError(message)
        return
    if rule.body is not None:
        message = f"altered on {rule.link}: on AMQP only headers can be altered (attributes=, drop=), not body="
        raise UsageError(message)
    if rule.on not in (None, *ALTERABLE):
        message = f"altered on {rule.link}: on={rule.on!r} carries no headers; there are: {', '.join(ALTERABLE)}"
        raise UsageError(message)


class Changes:
    """Carries out the rules of one connection's tap."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self.has_lost = False  # from then on, confirms have to be looked at for good

    def altered(self, content: Content, frame: bytes) -> bytes:
        """Return the content header frame as the rules want it, after recording each change."""
        for rule in self._tap.rules.armed(self._tap.link):
            if rule.name == "altered" and self._fits(rule, content) and self._tap.rules.take(rule):
                payload = with_headers(frame[HEAD:-1], frozenset(rule.drop), rule.attributes or {})
                frame = framed(HEADER, int.from_bytes(frame[1:3], "big"), payload)
                self._record(rule, content)
        return frame

    @staticmethod
    def _fits(rule: Rule, content: Content) -> bool:
        """Tell whether the rule means this message, whose key is read only where the rule asks for one."""
        return rule.on in (None, content.wire) and rule.key in (None, content.key)

    def confirmed(self, method: int, channel: Channel, confirms: list[tuple[int, Content]], frame: bytes) -> bytes:
        """Return what the publisher is to see of the broker's confirm: nothing of those that are lost, the others one by one."""
        kept = [tag for tag, sent in confirms if not self._loses(sent)]
        if len(kept) < len(confirms):
            self.has_lost = channel.lost = True
        # Once a confirm was taken away, "this one and all before" must not speak of it any more.
        return _singles(method, channel, kept) if channel.lost and confirms else frame

    def _loses(self, sent: Content) -> bool:
        for rule in self._tap.rules.armed(self._tap.link):
            if rule.name == "answer_lost" and self._fits(rule, sent) and self._tap.rules.take(rule):
                self._record(rule, sent)
                return True
        return False

    def _record(self, rule: Rule, content: Content) -> None:
        link, at, conn = self._tap.link, self._tap.at, self._tap.conn
        event = Event(kind="bit", at=at, link=link, conn=conn, x=content.x, key=content.key, fault=rule.id)
        event.queue, event.wire = content.queue, content.wire
        self._tap.recorder.record(event)


def _singles(method: int, channel: Channel, tags: list[int]) -> bytes:
    return b"".join(framed(METHOD, channel.number, confirm(method, tag)) for tag in tags)
