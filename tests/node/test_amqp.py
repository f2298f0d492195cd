"""amqplib through a link: what it publishes, gets, consumes, settles and does wrong."""

from tests.clients import client, closes, jobs_on_rabbitmq, no_difference, rounds_were_seen, tried
from tests.sandboxes import Tell


def test_amqplib_notices_nothing_and_all_it_does_is_seen(tell: Tell):
    one = tried(tell, client("amqp-js"), jobs_on_rabbitmq)

    no_difference(one)
    rounds_were_seen(one, kept="D")
    assert closes(one) == [404, 404, 406]
    assert [event.key for event in one.of("returned")] == ["F"]
