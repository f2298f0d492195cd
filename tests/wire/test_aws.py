import base64

import pytest

from harness.wire.aws import Attribute, Call, handle_tag, md5_of_attributes, md5_of_body, queue_name


def strings(**values: str) -> dict[str, Attribute]:
    return {name: Attribute("String", value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("attributes", "digest"),
    [
        (strings(JavaType="a.B"), "21c0bbd6721cf6e1fc6de2c9384ed10f"),
        (
            strings(JavaType="uk.nhs.hee.trainee.details.event.ProfileCreateEvent", contentType="application/json"),
            "3d13b381d88937568fc30762804b76a2",
        ),
        (strings(contentType="application/json"), "6ed5f16969b625c8d900cbd5da557e9e"),
        (
            {
                "timestamp": Attribute("Number.java.lang.Long", "1700000000000"),
                **strings(id="00000000-0000-0000-0000-000000000001", contentType="application/json"),
            },
            "cbc856b8e3247cafbc45f4a9d64d59ed",
        ),
    ],
)
def test_the_digest_of_attributes_is_the_one_the_sdks_compute(attributes: dict[str, Attribute], digest: str):
    assert md5_of_attributes(attributes) == digest


def test_a_binary_attribute_is_digested_decoded():
    value = base64.b64encode(b"\x00\x01").decode()

    assert md5_of_attributes({"b": Attribute("Binary", value)}) != md5_of_attributes({"b": Attribute("String", value)})
    assert md5_of_attributes({"b": Attribute("Binary.x", "a")}) != md5_of_attributes(
        {"b": Attribute("Binary.x", "b")}
    )  # no base64


def test_the_digest_of_a_body_is_that_of_its_utf8():
    assert md5_of_body("hello") == "5d41402abc4b2a76b9719d911017c592"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:4566/queue/us-east-1/000000000001/mail.fifo",
        "https://sqs.eu-west-2.amazonaws.com/000000000001/mail.fifo",
        "http://127.0.0.1:4566/000000000001/mail.fifo/?Action=x",
        "mail.fifo",
    ],
)
def test_a_queue_is_known_by_the_end_of_its_url(url: str):
    assert queue_name(url) == "mail.fifo"


def test_a_handle_is_shortened_to_sixteen_digits():
    assert handle_tag("handle") == "c2a116aa910d147b"


@pytest.mark.parametrize(
    ("asked", "found"),
    [(("All",), True), ((".*",), True), (("JavaType",), True), (("Java.*",), False), (("JavaT",), False), ((), False)],
)
def test_a_receive_is_given_the_attributes_it_asks_for(asked: tuple[str, ...], found: bool):  # noqa: FBT001 (a table)
    assert (
        Call("ReceiveMessage", asked=asked).asks_for(
            "JavaType",
        )
        is found
    )


def test_a_prefix_asks_for_all_names_that_begin_with_it():
    assert Call("ReceiveMessage", asked=("trace.*",)).asks_for("trace.parent")


def test_a_batch_acts_as_its_single_operation():
    assert Call("SendMessageBatch").act == "SendMessage"
