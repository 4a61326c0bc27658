"""A server's results are printed as ClickHouse itself prints them: the embedded engine is the reference."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import TerminalError
from pipeline.warehouse.engines import EmbeddedEngine, Engine, HttpEngine, ServerEngine
from pipeline.warehouse.engines.formats import FORMATS

TRICKY = r"""SELECT 'a\b\f\n\r\t\0\\\'"/<&\a\v\x1f\x7f' AS s, '' AS e, [s, 'x'] AS a,
CAST(NULL AS Nullable(String)) AS n,
[NULL, 1] AS an, (1, s, [toDate('2020-01-01')]) AS t, toDate('2020-02-29') AS d, toDateTime(5, 'UTC') AS dt,
[toDateTime(5, 'Asia/Tokyo')] AS adt, toDateTime(5) AS plain, 1e21 AS f1, 1e20 AS f2, 1e-7 AS f4, 0.000001 AS f5,
0. / 0. AS f6, -1. / 0. AS f7, -0. AS f10, toFloat32(0.1) AS f8, [toFloat32(0.3)] AS af32,
18446744073709551615 AS u, toInt64(-9223372036854775807) AS i, [[]] AS aa, 'юни\xE2\x80\xA8' AS uni,
unhex('FF41') AS bad, [unhex('FF41')] AS abad, toFixedString('ab', 4) AS fs, [toFixedString('ab', 4)] AS afs,
CAST('q"' AS Enum8('q"' = 1)) AS en, [toUUID('00000000-0000-0000-0000-000000000001')] AS uu,
toDecimal32(100, 2) AS de, toFloat32(1e10) AS ff, NULL AS nothing, (1, 'x') AS pair"""


def text(warehouse: Engine, sql: str, format: str) -> bytes:
    return b"".join(warehouse.dump(sql, format))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "sql", [TRICKY, f"SELECT * FROM ({TRICKY}) WHERE s = ''", "SELECT number AS n FROM numbers(3)"]
)
def test_engines_print_the_same(
    sql: str,
    format: str,
    embedded_warehouse: EmbeddedEngine,
    server_warehouse: ServerEngine,
    http_warehouse: HttpEngine,
) -> None:
    sql = sql.replace("numbers(3)", "system.numbers LIMIT 3")
    expected = text(embedded_warehouse, sql, format)
    assert text(server_warehouse, sql, format) == expected
    assert text(http_warehouse, sql, format) == expected


NUMBERS = st.floats(width=64)
VALUES = st.tuples(
    st.text(max_size=20),
    NUMBERS,
    st.dates(date(1970, 1, 1), date(2105, 12, 31)),
    st.lists(st.text(max_size=5), max_size=3),
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.floats(width=32),
)


@pytest.fixture(scope="module")
def tables(embedded_warehouse: EmbeddedEngine, server_warehouse: ServerEngine) -> tuple[Engine, Engine]:
    for warehouse in (embedded_warehouse, server_warehouse):
        warehouse.execute(
            "CREATE TABLE default.formats (k UInt64, s String, f Float64, d Date, a Array(String), o Nullable(Int32), "
            "g Float32) ENGINE = Memory"
        )
    return embedded_warehouse, server_warehouse


@settings(max_examples=25)
@given(rows=st.lists(VALUES, min_size=1, max_size=30))
def test_any_values_print_the_same(tables: tuple[Engine, Engine], rows: list[tuple[object, ...]]) -> None:
    columns = dict(zip("sfdaog", zip(*rows, strict=True), strict=True))
    for warehouse in tables:
        warehouse.execute("TRUNCATE TABLE default.formats")
        warehouse.insert("default.formats", {"k": range(len(rows)), **columns})
    for format in FORMATS:
        printed = [text(warehouse, "SELECT * FROM default.formats ORDER BY k", format) for warehouse in tables]
        assert printed[0] == printed[1], format


def test_an_unknown_format_lists_the_known_ones(server_warehouse: ServerEngine) -> None:
    with pytest.raises(TerminalError, match="JSONEachRow"):
        list(server_warehouse.dump("SELECT 1", "Parquet"))


def test_the_embedded_engine_prints_any_format(embedded_warehouse: EmbeddedEngine) -> None:
    assert text(embedded_warehouse, "SELECT 1 AS x", "XML").startswith(b"<?xml")
    with pytest.raises(TerminalError, match="Nonsense"):
        text(embedded_warehouse, "SELECT 1", "Nonsense")
