"""The journal as a file: header first, events in order, and a hot loop as counts."""

import json
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.history.events import Event, Header
from harness.recorder.writer import WRITTEN_OUT, Writer


def lines(path: Path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def writer(path: Path) -> Writer:
    return Writer(path, Header(sandbox="h1", started="2026-01-01T00:00:00+00:00"))


def test_the_header_names_what_was_declared_before_the_first_event(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    made = writer(path)
    made.put(Event(n=1, kind="declared", data={"what": "queue", "name": "jobs"}))
    made.put(Event(n=2, kind="declared", data={"what": "link", "name": "a->b"}))
    made.put(Event(n=3, kind="started", service="a"))
    made.put(Event(n=4, kind="declared", data={"what": "queue", "name": "late"}))
    made.close()
    header, *events = lines(path)
    assert (header["queues"], header["links"]) == (["jobs"], ["a->b"])
    assert [event["n"] for event in events] == [1, 2, 3, 4]


def test_a_journal_without_events_still_has_its_header(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    made = writer(path)
    made.put(Event(n=1, kind="declared", data={"what": "service", "name": "a"}))
    made.close()
    made.close()
    assert [line.get("sandbox") for line in lines(path)] == ["h1", None]


def test_flush_makes_everything_readable(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    made = writer(path)
    made.put(Event(n=1, kind="started"))
    made.flush()
    made.flush()
    read = lines(path)
    made.close()
    assert len(read) == 2


def test_a_full_disk_is_told_whenever_something_is_to_be_written():
    made = writer(Path("/dev/full"))
    made.put(Event(n=1, kind="started"))
    for write in (made.flush, made.close):
        with pytest.raises(HarnessError, match=r"^/dev/full cannot be written: no space left on device; make room there, or"):
            write()
    made.close()


def test_a_journal_where_there_is_no_folder_is_told(tmp_path: Path):
    (tmp_path / "taken").touch()
    with pytest.raises(HarnessError, match=r"taken/journal\.jsonl cannot be written: (not a directory|file exists); make room"):
        writer(tmp_path / "taken" / "journal.jsonl")


def loop(made: Writer, rounds: int, n: int = 0) -> int:
    """Deliver one message and have it requeued, so many times; both at far."""
    for _ in range(rounds):
        made.put(Event(n=n + 1, t=float(n + 1), kind="delivered", at="far", queue="jobs", key="1"))
        made.put(Event(n=n + 2, t=float(n + 2), kind="settled", at="far", queue="jobs", key="1", how="requeue"))
        n += 2
    return n


def test_a_hot_loop_is_counted_and_its_first_and_last_are_kept(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    made = writer(path)
    n = loop(made, 3_000)
    made.put(Event(n=n + 1, kind="delivered", at="far", queue="jobs", key="1"))
    made.put(Event(n=n + 2, kind="settled", at="far", queue="jobs", key="1", how="ack"))
    made.close()
    _, *events = lines(path)
    counted = [event["data"] for event in events if event["kind"] == "repeated"]
    written = [event for event in events if event["kind"] != "repeated"]
    in_all = len(written) + sum(sum(one.values()) for one in counted)
    assert in_all == n + 2
    assert len(written) == WRITTEN_OUT + 2
    assert [(event["kind"], event["n"]) for event in events[-2:]] == [("delivered", n + 1), ("settled", n + 2)]


def test_a_hot_loop_that_goes_on_shows_at_every_flush(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    made = writer(path)
    n = loop(made, 600)
    made.flush()
    before = lines(path)
    n = loop(made, 10, n)
    made.flush()
    after = lines(path)[len(before) :]
    made.close()
    assert [event["kind"] for event in after] == ["repeated"]
    assert after[0]["data"] == {"delivered far": 10, "settled far": 10}
    assert after[0]["n"] == n
    assert lines(path)[-1]["kind"] == "settled"
    assert lines(path)[-1]["n"] == n


def test_what_changes_the_world_is_never_counted_away(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    made = writer(path)
    for n in range(1, 2_001):
        made.put(Event(n=n, kind="effected", at="resource", key="1"))
    made.close()
    assert len(lines(path)) == 2_001


def test_other_messages_are_written_while_one_is_hot(tmp_path: Path):
    path = tmp_path / "journal.jsonl"
    made = writer(path)
    n = loop(made, 600)
    made.put(Event(n=n + 1, kind="delivered", at="far", queue="jobs", key="2"))
    made.put(Event(n=n + 2, kind="delivered", at="far", queue="jobs"))
    made.close()
    kept = [event for event in lines(path) if event.get("kind") == "delivered" and event.get("key") != "1"]
    assert [event["n"] for event in kept] == [n + 1, n + 2]
