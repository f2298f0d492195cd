"""PostgreSQL and Redis in a sandbox, with psycopg and redis-py through links, and a service that writes rows."""

import sys
import threading
from pathlib import Path

import psycopg
import pytest
import redis

from harness import Link, Sandbox, Service, require
from harness.checks import accounted, effected_once
from harness.errors import UsageError
from harness.faults import held, latency, outage, timeout
from harness.history import History
from harness.model import Fault, Moment
from harness.sandbox.databases import Postgres

WRITER = Service("writer", command=[sys.executable, str(Path(__file__).parents[2] / "fixtures" / "programs" / "pg_writer.py")])
LINK = Link("writer", "db")
ROWS = "SELECT id, version FROM placements"


def database(sandbox: Sandbox) -> Postgres:
    db = sandbox.postgres("db", effect=ROWS)
    db.run("CREATE TABLE placements (id text, version int)")
    return db


def connected(db: Postgres) -> psycopg.Connection:
    return psycopg.connect(db.parts(db.reach(LINK)).value, connect_timeout=5)


def effects(history: History) -> list[tuple[str, object]]:
    found = [event for event in history.events() if event.kind == "effected"]
    return [(event.key, (event.data or {}).get("version")) for event in found]


def moved(history: History) -> set[tuple[str, object]]:
    return {(event.at, (event.data or {})["side"]) for event in history.events() if event.kind == "moved" and event.size}


def test_what_is_committed_is_an_effect_and_what_is_rolled_back_is_none(sandbox: Sandbox):
    db = database(sandbox)
    with connected(db) as connection:
        connection.execute("INSERT INTO placements VALUES ('1', 1), ('1', 1)")
        connection.commit()
        connection.execute("INSERT INTO placements VALUES ('2', 1)")
        connection.rollback()
        sandbox.until(Moment("db", "effected", 2), within=10)
        connection.execute("UPDATE placements SET version = 2")
    connection.close()
    history = sandbox.drain()

    assert effects(history) == [("1", "1"), ("1", "1"), ("1", "2"), ("1", "2")]
    assert moved(history) == {(at, side) for at in ("near", "far") for side in ("request", "answer")}


def test_a_commit_whose_answer_never_came_is_applied(sandbox: Sandbox):
    db = database(sandbox)
    connection = connected(db)
    connection.execute("INSERT INTO placements VALUES ('1')")
    sandbox.inject(timeout(LINK, side="answer"))
    raised: list[psycopg.Error] = []

    def commit() -> None:
        try:
            connection.commit()
        except psycopg.Error as error:
            raised.append(error)

    committing = threading.Thread(target=commit)
    committing.start()
    sandbox.until(Moment("db", "effected"), within=10)
    before = list(raised)
    sandbox.heal()
    committing.join(10)
    connection.close()
    history = sandbox.drain()

    assert before == []
    assert [type(error) for error in raised] == [psycopg.OperationalError]
    assert effects(history) == [("1", None)]


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


def test_a_service_that_repeats_what_an_outage_cut_is_kept(sandbox: Sandbox):
    history = written(sandbox, outage(LINK, begins=Moment("jobs", "delivered", 2), lasts=0.5))

    require(accounted(history), effected_once(history))


def test_a_row_whose_answer_was_lost_is_inserted_twice(sandbox: Sandbox):
    history = written(sandbox, timeout(LINK, side="answer", begins=Moment("jobs", "delivered", 2), lasts=0.5))

    assert sorted(key for key, _ in effects(history)) == ["1", "2", "2", "3", "4", "5"]


def test_a_cache_forgets_and_its_link_can_fail(sandbox: Sandbox):
    cache = sandbox.redis("cache")
    other = sandbox.redis("other")
    link = Link("writer", "cache")
    address = cache.parts(cache.reach(link))
    with redis.Redis.from_url(address.value, socket_timeout=10) as client:
        client.set("user", "42")
        kept = client.get("user")
        other.flush()
        still = client.get("user")
        cache.flush()
        forgotten = client.get("user")
        sandbox.inject(outage(link))
        with pytest.raises(redis.ConnectionError, match=r"refused|closed"):
            client.get("user")

    assert (kept, still, forgotten) == (b"42", b"42", None)
    assert address.name != other.parts(1).name


def test_an_effect_that_cannot_be_read_is_refused(sandbox: Sandbox):
    with pytest.raises(UsageError, match=r"postgres\('db', effect='SELEC 1'\): PostgreSQL refuses 'SELEC 1': syntax error"):
        sandbox.postgres("db", effect="SELEC 1")


def test_a_fault_of_single_messages_is_refused(sandbox: Sandbox):
    db = database(sandbox)
    db.reach(LINK)
    with pytest.raises(UsageError, match="held on writer->db: on a link of raw bytes there are no messages"):
        sandbox.inject(held(LINK))


def test_latency_of_the_whole_link(sandbox: Sandbox):
    db = database(sandbox)
    connection = connected(db)
    sandbox.inject(latency(LINK, 0.1))
    rows = connection.execute("SELECT 1").fetchall()
    connection.close()

    assert rows == [(1,)]
