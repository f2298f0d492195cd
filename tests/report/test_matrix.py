"""Matrices, from literal entries: which cells there are, what they say, and in which order."""

from harness.report.entries import Entry
from harness.report.matrix import lines, matrices
from tests.report.told import cell, check, entry

KEPT, STUCK = check("kept"), check("broken", "stuck", "stuck")


def shown(*entries: Entry) -> list[str]:
    return [line for one in matrices(entries) for line in lines(one)]


def test_rows_and_columns_come_in_the_order_of_their_versions():
    assert shown(cell("3.10", "4.0", STUCK), cell("3.4", "4.0", KEPT), cell("3.4", "3.9.1", KEPT)) == [
        "S1-05, rows: producer, columns: consumer",
        "      3.9.1  4.0",
        "3.4   kept   kept",
        "3.10  .      stuck",
    ]


def test_a_cell_that_is_not_as_agreed_says_what_was():
    better, worse = (
        cell("1", "1", check("kept", None, "stuck"), passed=False),
        cell("1", "2", check("broken", "lost"), passed=False),
    )
    unsure, failed = cell("1", "3", check("unknown"), passed=False), cell("1", "4", passed=False)
    assert shown(better, worse, unsure, failed) == [
        "S1-05, rows: producer, columns: consumer (! not as agreed)",
        "   1                     2                    3                       4",
        "1  kept, agreed stuck !  lost, agreed kept !  unknown, agreed kept !  failed, agreed kept !",
    ]


def test_a_cell_that_is_broken_in_more_than_what_was_agreed_is_marked():
    found = cell("1", "1", STUCK, check("unknown"), passed=False)
    same = cell("1", "2", check("broken", "stuck", "stuck"), passed=False)
    assert shown(found, same)[2] == "1  stuck, unknown, agreed stuck !  stuck !"


def test_a_cell_from_an_earlier_run_says_so():
    assert shown(cell("1", "1", STUCK, cached="earlier"), cell("1", "2", KEPT)) == [
        "S1-05, rows: producer, columns: consumer (* from an earlier run on the same parts)",
        "   1       2",
        "1  stuck*  kept",
    ]


def test_what_was_skipped_or_is_no_cell_is_in_no_matrix_and_of_two_the_worse_counts():
    found = matrices(
        [
            cell("1", "1", KEPT),
            cell("1", "1", STUCK, passed=False),
            cell("1", "1", KEPT),
            cell("1", "2", skipped="needs java"),
            entry("S1", "as it was", STUCK),
        ]
    )
    assert [(one.row, one.column, one.found, one.passed) for matrix in found for one in matrix.cells] == [
        ("1", "1", "stuck", False)
    ]


def test_a_cell_of_three_parts_has_two_of_them_in_its_column():
    place = {"broker": "4.0", "queue": "quorum", "how": "reject"}
    (matrix,) = matrices([entry("L-1", "4.0 x quorum x reject", KEPT, cell=place)])
    assert (matrix.rows, matrix.columns) == ("broker", "queue x how")
    assert lines(matrix)[1:] == ["     quorum x reject", "4.0  kept"]
