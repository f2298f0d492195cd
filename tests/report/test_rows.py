"""The table of a README.md: what a run would have stand there, and that it is read as it was written."""

from harness.report.entries import Entry
from harness.report.rows import Told, beginning, ran, read
from tests.report.told import BROKEN, FOLDER, KEPT, cell, check, entry, service


def scenario(ident: str, variant: str | None, *checks, libraries: tuple[str, ...] = ("pika 1.4.4",), **more) -> Entry:
    more.setdefault("test", f"told/test_{ident.lower()}.py::test_it")
    return entry(ident, variant, *checks, services=[service("writer", *libraries)], **more)


def lines(*entries: Entry) -> list[str]:
    return ran(entries, FOLDER).text().splitlines()[2:]


def test_rows_come_by_their_ids_and_an_incident_is_told_before_its_mending():
    assert lines(
        scenario("S2-10", "as fixed", KEPT),
        scenario("S2-9", "as fixed", KEPT),
        scenario("S2-9", "requeued | at once", BROKEN, KEPT),
        scenario("S2-9", "as it was", BROKEN),
        scenario("S2-9", "baseline", KEPT),
    ) == [
        "| [S2-9](test_s2-9.py) | baseline | writer: pika 1.4.4 | effected_once: kept |",
        "| [S2-9](test_s2-9.py) | as it was | writer: pika 1.4.4 | accounted: stuck |",
        "| [S2-9](test_s2-9.py) | requeued / at once | writer: pika 1.4.4 | accounted: stuck; effected_once: kept |",
        "| [S2-9](test_s2-9.py) | as fixed | writer: pika 1.4.4 | effected_once: kept |",
        "| [S2-10](test_s2-10.py) | as fixed | writer: pika 1.4.4 | effected_once: kept |",
    ]


def test_what_is_told_twice_is_one_row_and_what_failed_or_is_elsewhere_is_none():
    assert lines(
        scenario("S1", None, KEPT, KEPT),
        scenario("S1", None, KEPT),
        scenario("S2", None, KEPT, passed=False),
        scenario("S3", None, KEPT, test="elsewhere/test_s3.py::test_it"),
        scenario("S4", None),
    ) == ["| [S1](test_s1.py) | - | writer: pika 1.4.4 | effected_once: kept |"]


def test_libraries_are_told_by_service_and_a_deploy_in_its_order():
    one = entry(
        "S1",
        None,
        KEPT,
        test="told/test_s1.py::test_it",
        services=[service("sync", "aws 3.1", "aws 4.1"), service("plain"), service("sync", "aws 3.1")],
    )
    assert "| sync: aws 3.1, then aws 4.1; plain |" in lines(one)[0]


def test_a_matrix_is_one_row_with_the_libraries_it_is_about_and_a_table_of_its_own():
    details = [service("details", "aws 2.4"), service("worker", "amqplib 2.3")]
    told = ran(
        [
            cell("2.4", "3.1", check("kept"), services=details),
            cell("3.1", "3.1", BROKEN, services=[service("details", "sqs 3.1"), service("worker", "amqplib 2.3")]),
            cell("3.10", "4.1", BROKEN, passed=False),
        ],
        FOLDER,
    )
    assert told.text().splitlines()[2:] == [
        "| [S1-05](test_pairs.py) | producer x consumer | details: aws or sqs; worker: amqplib 2.3 | accounted: as below |",
        "",
        "### [S1-05](test_pairs.py): producer x consumer",
        "",
        r"| producer \ consumer | 3.1 |",
        "|---|---|",
        "| 2.4 | kept |",
        "| 3.1 | stuck |",
    ]


def test_a_table_is_read_as_it_was_written():
    told = ran([scenario("S1", "as it was", BROKEN), cell("1", "1", KEPT), cell("1", "2 x 3", BROKEN)], FOLDER)
    assert read(f"# Incidents\n\n{told.text()}") == told


def test_a_text_without_a_table_has_none():
    assert (read("# Incidents\n"), beginning("| scenario | other |\n")) == (None, None)
    assert read(f"# Incidents\n\n{Told().text()}") == Told()
