"""PostgreSQL and Redis in a sandbox, with psycopg and redis-py through links, and a service that writes rows."""

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis

from harness import Link, Sandbox, Service, require
from harness.checks import accounted, effected_once
from harness.clock import eventually, pause
from harness.errors import UsageError
from harness.faults import answer_lost, held, latency, outage, request_lost, timeout
from harness.history import History
from harness.model import Fault, Moment
from harness.sandbox.databases import Postgres

WRITER = Service("writer", command=[sys.executable, str(Path(__file__).parents[2] / "fixtures" / "programs" / "pg_writer.py")])
LINK = Link("writer", "db")
SIDES = {(at, side) for at in ("near", "far") for side in ("request", "answer")}
KEY = r"body ~ (?:\n|VALUES \('?)(\d+)"
ROWS = "SELECT id, version FROM placements"


def database(sandbox: Sandbox) -> Postgres:
    db = sandbox.postgres("db", effect=ROWS, key=KEY)
    db.run("CREATE TABLE placements (id text, version int)")
    return db


def connected(db: Postgres) -> psycopg.Connection:
    return psycopg.connect(db.parts(db.reach(LINK)).value, connect_timeout=60)


def effects(history: History) -> list[tuple[str, object]]:
    found = [event for event in history.events() if event.kind == "effected"]
    return [(event.key, (event.data or {}).get("version")) for event in found]


def seen(history: History, at: str, *kinds: str) -> list[tuple[object, ...]]:
    found = [event for event in history.events() if event.kind in kinds and event.at == at]
    return [(event.kind, event.wire, event.key, event.x, event.ok) for event in found]


def told(act: Callable[[], object]) -> str:
    """Return the name of what this raises."""
    try:
        act()
    except psycopg.Error as error:
        return type(error).__name__
    return "done"


def test_what_is_committed_is_applied_and_what_is_rolled_back_only_attempted(sandbox: Sandbox):
    db = database(sandbox)
    with connected(db) as connection:
        connection.execute("INSERT INTO placements VALUES ('1', 1), ('1', 1)")
        connection.commit()
        connection.execute("INSERT INTO placements VALUES (%s, 1)", ["2"])
        connection.rollback()
        sandbox.until(Moment("db", "effected", 2), within=60)
        connection.execute("UPDATE placements SET version = 2")
    connection.close()
    history = sandbox.drain()

    assert effects(history) == [("1", "1"), ("1", "1"), ("1", "2"), ("1", "2")]
    transactions = [
        [("requested", "COMMIT", "1", 1, None), ("answered", "COMMIT", "1", 1, True)],
        [("requested", "ROLLBACK", "2", 2, None), ("answered", "ROLLBACK", "2", 2, True)],
        [("requested", "COMMIT", "", 3, None), ("answered", "COMMIT", "", 3, True)],
    ]
    for at in ("near", "far"):
        assert seen(history, at, "requested", "answered") == [event for both in transactions for event in both]
    said = [(event.data or {})["statements"] for event in history.events() if event.kind == "requested" and event.at == "near"]
    assert said == [["INSERT", "COMMIT"], ["INSERT", "ROLLBACK"], ["UPDATE", "COMMIT"]]


@pytest.mark.parametrize(
    ("fault", "saw", "applied"),
    [
        (answer_lost(LINK, times=1), "OperationalError", [("1", None)]),
        (request_lost(LINK, on="COMMIT"), "OperationalError", []),
        (latency(LINK, 0.1, on="COMMIT"), "done", [("1", None)]),
    ],
    ids=str,
)
def test_a_commit_that_a_fault_meets(sandbox: Sandbox, fault: Fault, saw: str, applied: list[tuple[str, object]]):
    db = database(sandbox)
    connection = connected(db)
    connection.execute("INSERT INTO placements VALUES (1)")
    sandbox.inject(fault)
    said = told(connection.commit)
    connection.close()
    history = sandbox.drain()

    assert (said, effects(history)) == (saw, applied)
    assert [(event.wire, event.key) for event in history.events() if event.kind == "bit"] == [("COMMIT", "1")]


def test_a_commit_that_is_held_goes_on_when_the_fault_ends(sandbox: Sandbox):
    db = database(sandbox)
    connection = connected(db)
    connection.execute("INSERT INTO placements VALUES (1)")
    sandbox.inject(held(LINK))
    said: list[str] = []
    committing = threading.Thread(target=lambda: said.append(told(connection.commit)))
    committing.start()
    pause(0.3)
    before = db.run(ROWS), list(said)
    sandbox.heal()
    committing.join(60)
    connection.close()
    history = sandbox.drain()

    assert before == ([], [])
    assert (said, effects(history)) == (["done"], [("1", None)])


def test_a_transaction_whose_connection_is_lost_never_was(sandbox: Sandbox):
    db = database(sandbox)
    connection = connected(db)
    connection.execute("INSERT INTO placements VALUES (1)")
    connection.close()
    under_way = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'INSERT%'"
    eventually(lambda: not db.run(under_way), awaited="the server's end of the connection", within=30)
    history = sandbox.drain()

    assert effects(history) == []
    assert seen(history, "near", "requested") == [("requested", "ROLLBACK", "1", 1, False)]


def test_a_commit_that_the_server_turned_down_is_no_success(sandbox: Sandbox):
    db = database(sandbox)
    connection = connected(db)
    said = [told(lambda: connection.execute("INSERT INTO nowhere VALUES (1)")), told(connection.commit)]
    connection.autocommit = True
    said.append(told(lambda: connection.execute("INSERT INTO nowhere VALUES (2)")))
    connection.close()
    history = sandbox.drain()

    assert said == ["UndefinedTable", "done", "UndefinedTable"]
    assert [ok for *_, ok in seen(history, "near", "answered")] == [False, False]


def test_rows_of_the_harness_are_no_effects(sandbox: Sandbox):
    db = database(sandbox)
    db.run("INSERT INTO placements VALUES ('0', 1)")
    rows = db.run(ROWS)
    history = sandbox.drain()

    assert rows == [("0", "1")]
    assert effects(history) == []


def written(sandbox: Sandbox, *faults: Fault) -> History:
    db = database(sandbox)
    jobs = sandbox.rabbitmq.queue("jobs", key="/id", effect=db)
    sandbox.start(WRITER, uses={"AMQP_URL": sandbox.rabbitmq, "DATABASE_URL": db})
    sandbox.inject(*faults)
    jobs.publish({"id": str(n)} for n in range(1, 6))
    return sandbox.drain()


@pytest.mark.parametrize(
    "fault",
    [outage(LINK, begins=Moment("db", "answered", 2), lasts=0.5), request_lost(LINK, key="2", times=1)],
    ids=str,
)
def test_a_service_that_repeats_what_was_not_applied_is_kept(sandbox: Sandbox, fault: Fault):
    history = written(sandbox, fault)

    require(accounted(history), effected_once(history))


@pytest.mark.parametrize(
    "fault",
    [answer_lost(LINK, key="2", times=1), timeout(LINK, side="answer", begins=Moment("jobs", "delivered", 2), lasts=0.5)],
    ids=str,
)
def test_a_row_whose_answer_was_lost_is_inserted_twice(sandbox: Sandbox, fault: Fault):
    history = written(sandbox, fault)

    assert sorted(key for key, _ in effects(history)) == ["1", "2", "2", "3", "4", "5"]
    require(effected_once(history).broken_as("duplicated_by_blind_retry"))


def test_a_cache_forgets_and_its_link_can_fail(sandbox: Sandbox):
    cache = sandbox.redis("cache")
    other = sandbox.redis("other")
    link = Link("writer", "cache")
    address = cache.parts(cache.reach(link))
    with redis.Redis.from_url(address.value, socket_timeout=60) as client:
        client.set("user", "42")
        kept = client.get("user")
        other.flush()
        still = client.get("user")
        cache.flush()
        forgotten = client.get("user")
        sandbox.inject(outage(link))
        with pytest.raises(redis.ConnectionError, match=r"refused|closed"):
            client.get("user")

    moved = [event for event in sandbox.drain().events() if event.kind == "moved" and event.size]

    assert (kept, still, forgotten) == (b"42", b"42", None)
    assert {(event.at, (event.data or {})["side"]) for event in moved} == SIDES
    assert address.name != other.parts(1).name


def test_an_effect_that_cannot_be_read_is_refused(sandbox: Sandbox):
    with pytest.raises(UsageError, match=r"postgres\('db', effect='SELEC 1'\): PostgreSQL refuses 'SELEC 1': syntax error"):
        sandbox.postgres("db", effect="SELEC 1")


def test_a_fault_of_single_messages_is_refused(sandbox: Sandbox):
    cache = sandbox.redis("cache")
    link = Link("writer", "cache")
    cache.reach(link)
    with pytest.raises(UsageError, match="held on writer->cache: on a link of raw bytes there are no messages"):
        sandbox.inject(held(link))
