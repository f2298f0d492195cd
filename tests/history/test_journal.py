import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from harness.errors import JournalError
from harness.history import History
from harness.history import journal as journals
from harness.history.events import Event, Header
from harness.history.journal import Journal
from tests.histories import done, history, journal, over, sent

SCHEMA = Path(journals.__file__).with_name("schema.json")


def test_every_event_comes_back(tmp_path):
    path = journal(tmp_path, sent("a"), done("a"), over())

    events = list(Journal(path).events())

    assert [event.n for event in events] == list(range(1, len(events) + 1))
    assert sum(len(batch) for batch in Journal(path).seen()) == len(events)


def test_a_journal_longer_than_a_chunk_is_read_whole(tmp_path, monkeypatch):
    path = journal(tmp_path, sent(*map(str, range(50))))
    monkeypatch.setattr(journals, "CHUNK", 100)

    assert sum(len(batch) for batch in Journal(path).seen()) == 102


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", r"journal\.jsonl:1 is not the header of a journal"),
        (b'{"schema":9,"sandbox":"s","started":""}\n', r"journal\.jsonl:1 has schema 9; this version reads schema 1"),
    ],
    ids=["empty", "another schema"],
)
def test_a_header_that_is_none_is_named(tmp_path, content, complaint):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(content)

    with pytest.raises(JournalError, match=complaint):
        Journal(path)


def test_a_journal_that_is_not_there_is_named(tmp_path):
    with pytest.raises(JournalError, match=r"nowhere\.jsonl cannot be read: No such file or directory"):
        Journal(tmp_path / "nowhere.jsonl")


@pytest.mark.parametrize("broken", [b'{"kind":"delivered"', b'{"kind":"nonsense"}', b"\xff\xfe"], ids=["half", "kind", "bytes"])
def test_a_corrupt_line_is_named_by_file_and_line(tmp_path, broken):
    path = journal(tmp_path, sent("a"))
    lines = path.read_bytes().splitlines()
    lines[3] = broken
    path.write_bytes(b"\n".join(lines) + b"\n")

    with pytest.raises(JournalError, match=r"journal\.jsonl:4 is not an event: "):
        list(Journal(path).events())


def test_an_empty_line_is_no_event(tmp_path):
    path = journal(tmp_path, sent("a"))
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:3], b"", *lines[3:]]) + b"\n")

    assert len(list(Journal(path).events())) == 4


def test_an_empty_line_does_not_hide_a_corrupt_one(tmp_path):
    path = journal(tmp_path, sent("a"))
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([*lines[:3], b"", b"nonsense", *lines[3:]]) + b"\n")

    with pytest.raises(JournalError, match=r"journal\.jsonl:5 is not an event: "):
        list(Journal(path).events())


def test_half_a_last_line_is_the_end_of_an_interrupted_run(tmp_path):
    path = journal(tmp_path, sent("a"))
    path.write_bytes(path.read_bytes()[:-20])
    stored = Journal(path)

    assert len(list(stored.events())) == 3
    assert stored.truncated


def test_a_last_line_that_lacks_only_its_newline_is_whole(tmp_path):
    path = journal(tmp_path, sent("a"))
    path.write_bytes(path.read_bytes()[:-1])
    stored = Journal(path)

    assert len(list(stored.events())) == 4
    assert not stored.truncated


def test_what_is_appended_follows_whole_lines(tmp_path):
    path = journal(tmp_path, sent("a"))
    path.write_bytes(path.read_bytes()[:-20])

    Journal(path).append([Event(kind="judged", data={"check": "accounted"})])

    assert [event.kind for event in Journal(path).events()] == ["declared", "declared", "attempted", "judged"]


def test_the_schema_in_the_repository_is_that_of_the_types():
    assert SCHEMA.read_text() == journals.schema()


def test_a_journal_is_valid_by_the_schema(tmp_path):
    path = journal(tmp_path, sent("a"), "0.5 fault f1 outage svc->place began", done("a"), over("q a"))
    schema = json.loads(SCHEMA.read_text())
    lines = [json.loads(line) for line in path.read_text().splitlines()]

    for line, name in zip(lines, ["Header", *["Event"] * (len(lines) - 1)], strict=True):
        jsonschema.validate(line, {**schema, "anyOf": [{"$ref": f"#/$defs/{name}"}]})
    jsonschema.validate(lines[1]["data"], {**schema, "anyOf": [{"$ref": "#/$defs/Declaration"}]})


def test_a_line_that_is_no_event_is_not_valid():
    schema = json.loads(SCHEMA.read_text())

    with pytest.raises(jsonschema.ValidationError, match="'nonsense' is not one of"):
        jsonschema.validate({"kind": "nonsense"}, schema)


def test_a_history_knows_its_header_and_drain(tmp_path):
    run = history(tmp_path, sent("a"), done("a"), over())

    assert run.header.sandbox == "s1"
    assert run.drained
    assert repr(run) == f"History('{tmp_path}/journal.jsonl')"


def test_a_history_is_prepared_once_before_it_is_read(tmp_path):
    prepared = []

    def prepare():
        prepared.append(journal(tmp_path, sent("a"), over()))

    run = History(tmp_path / "journal.jsonl", prepare=prepare)

    assert run.drained
    assert run.header.variant == "as fixed"
    assert len(prepared) == 1


def test_a_phase_ends_where_it_was_drained(tmp_path):
    path = journal(tmp_path, sent("a"), "1 drained quiet", "2 drained no reason=still~moving")

    assert History(path, until=5).drained
    assert [event.n for event in History(path, until=5).events()] == [1, 2, 3, 4, 5]
    assert not History(path).drained


def test_a_header_needs_no_more_than_its_sandbox_and_start(tmp_path):
    path = tmp_path / "journal.jsonl"
    path.write_bytes(msgspec.json.encode(Header(sandbox="s", started="now")) + b"\n")

    assert list(History(path).events()) == []
    assert not History(path).drained
