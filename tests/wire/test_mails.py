from harness.model import Key
from harness.wire.mails import Mail, read


def test_a_mail_is_read_with_its_words_decoded():
    mail = read(
        b"Subject: =?utf-8?q?form_F1_=C3=BC?=\r\nX-Form: 7\r\nContent-Type: text/plain; charset=latin-1\r\n\r\nGr\xfc\xdfe\r\n",
        "a@x.test",
        ["b@y.test"],
    )

    assert (mail.subject, mail.text, mail.sender, mail.recipients) == ("form F1 ü", "Grüße\r\n", "a@x.test", ("b@y.test",))
    assert mail.find(Key("x-form ~ (.+)")) == "7"
    assert mail.find(Key("body ~ (Gr..e)")) == "Grüße"
    assert mail.find(Key("to ~ (b@.*)")) == "b@y.test"
    assert mail.find(Key("from ~ (a)@")) == "a"
    assert mail.find(Key("subject ~ nothing (.+)")) == ""
    assert mail.find(None) == ""


def test_what_cannot_be_decoded_is_taken_as_it_stands():
    mail = read(b"Subject: =?no-such?q?a=FF?=\r\nContent-Type: text/plain; charset=no-such\r\n\r\nplain")

    assert (mail.subject, mail.text) == ("=?no-such?q?a=FF?=", "plain")
    assert read(b"\xff\xfe\r\n\r\n").text == "\ufffd\ufffd\r\n\r\n"
    assert read(b"") == Mail()


def test_the_texts_of_all_parts_are_one():
    mail = read(
        b'Content-Type: multipart/mixed; boundary="-"\r\n\r\n---\r\n\r\none\r\n---\r\nContent-Type: image/png\r\n\r\nxx\r\n'
        b"---\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\ndHdv\r\n-----\r\n"
    )

    assert mail.text == "one\ntwo"
