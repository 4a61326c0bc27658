"""What both engines promise."""

from datetime import date, datetime

import pytest

from pipeline.errors import TerminalError
from pipeline.warehouse import Warehouse


def test_rows_written_are_rows_read(warehouse: Warehouse, database: str) -> None:
    table = f"{database}.t"
    warehouse.execute(
        f"CREATE TABLE {table} (n UInt64, s String, d Date, t DateTime('Asia/Tokyo'), f Float64, a Array(String), "
        "o Nullable(Int32)) ENGINE = MergeTree ORDER BY n"
    )
    rows = [
        (1, "it's", date(2026, 11, 1), datetime(2026, 10, 31, 23, 59, 59), 0.1, ["a'b", ""], None),
        (2, '\\N\n\t\0"', date(1970, 1, 1), datetime(1970, 1, 1), -1e300, [], -5),
    ]
    names = ("n", "s", "d", "t", "f", "a", "o")
    warehouse.insert(table, dict(zip(names, zip(*rows, strict=True), strict=True)))
    assert warehouse.query(f"SELECT * FROM {table} ORDER BY n") == rows
    assert [dict(block) for block in warehouse.stream(f"SELECT n, t FROM {table} ORDER BY n")] == [
        {"n": (1, 2), "t": tuple(row[3] for row in rows)}
    ]


def test_an_unknown_table_is_terminal(warehouse: Warehouse, database: str) -> None:
    with pytest.raises(TerminalError, match="absent") as caught:
        warehouse.query(f"SELECT * FROM {database}.absent")
    assert caught.value.code == 60
