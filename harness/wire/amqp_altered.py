"""A message of AMQP with other headers or another body, as rules say; everything else of it is as it was."""

from harness.wire.amqp_frames import HEADER, framed
from harness.wire.amqp_lane import Message
from harness.wire.amqp_made import channel_of, embodied, payload_of
from harness.wire.amqp_rules import About, Rulings
from harness.wire.amqp_values import properties, with_headers
from harness.wire.rules import Rule


def alter(rulings: Rulings, about: About, message: Message) -> None:
    """Change a message by all rules that mean it, the one injected last last.

    One that already is as a rule wants it is not changed, so what was altered when it was sent is not counted again when it is
    delivered.
    """
    for rule in rulings.fitting(about, "altered"):
        frames = _changed(rule, message)
        if frames is not None and rulings.take(rule):
            rulings.bit(rule, about)
            message.frames = frames


def _changed(rule: Rule, message: Message) -> list[bytes] | None:
    frames = message.frames
    if rule.attributes or rule.drop:
        before = payload_of(frames[1])
        after = with_headers(before, frozenset(rule.drop), rule.attributes or {})
        if properties(after).get("headers", {}) != properties(before).get("headers", {}):
            frames = [frames[0], framed(HEADER, channel_of(frames[1]), after), *frames[2:]]
    if rule.body is not None and message.body != rule.body.encode():
        frames = embodied(frames, rule.body.encode())
    return None if frames is message.frames else frames
