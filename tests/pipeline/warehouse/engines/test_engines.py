"""The contract of all engines."""

import contextlib
import multiprocessing
import pickle
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.errors import TerminalError
from pipeline.warehouse.engines import EmbeddedEngine, Engine, HttpEngine, ServerEngine
from pipeline.warehouse.engines.base import refusal

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2105, 12, 31)).map(lambda moment: moment.replace(microsecond=0))
DAYS = st.dates(date(1970, 1, 1), date(2105, 12, 31))
HOSTILE = [
    "'",
    "\\",
    "\\'",
    "'; DROP TABLE t; --",
    "%s %(x)s %",
    "{x}",
    "\0",
    "\n\t\r\b",
    "\\N",
    "юникод 🎉",
    "",
    "a" * 10_000,
]
ANY_ENGINE = settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def scalar(warehouse: Engine, sql: str, **params: object) -> Any:
    [[value]] = warehouse.query(sql, params or None)
    return value


ROWS = st.lists(
    st.tuples(
        st.integers(0, 2**64 - 1),
        st.integers(-(2**31), 2**31 - 1),
        st.text(max_size=30),
        DAYS,
        MOMENTS,
        st.floats(allow_nan=False),
        st.lists(st.text(max_size=5), max_size=3),
        st.none() | st.text(max_size=5),
        st.none() | MOMENTS,
        st.lists(MOMENTS, max_size=2),
    ),
    max_size=20,
)


@pytest.fixture
def typed_table(warehouse: Engine, database: str) -> str:
    warehouse.execute(
        f"CREATE TABLE {database}.typed (k UInt32, u UInt64, i Int32, s String, d Date, t DateTime('Europe/Berlin'), "
        "f Float64, a Array(String), o Nullable(String), ot Nullable(DateTime('UTC')), at Array(DateTime('UTC'))) "
        "ENGINE = Memory"
    )
    return f"{database}.typed"


@ANY_ENGINE
@given(rows=ROWS)
def test_rows_inserted_are_rows_read(warehouse: Engine, typed_table: str, rows: list[tuple[Any, ...]]) -> None:
    warehouse.execute(f"TRUNCATE TABLE {typed_table}", idempotent=True)
    names = ("u", "i", "s", "d", "t", "f", "a", "o", "ot")
    columns: dict[str, Sequence[Any]] = {name: [row[i] for row in rows] for i, name in enumerate(names)}
    warehouse.insert(typed_table, {"k": range(len(rows)), **columns})
    select = f"SELECT {', '.join(names)} FROM {typed_table} ORDER BY k"
    expected = [row[:9] for row in rows]
    assert warehouse.query(select) == expected
    streamed = [row for block in warehouse.stream(select) for row in zip(*block.values(), strict=True)]
    assert streamed == expected


@ANY_ENGINE
@given(
    text=st.text(max_size=50) | st.sampled_from(HOSTILE),
    number=st.integers(-500, 500),
    day=DAYS,
    moment=MOMENTS,
    texts=st.lists(st.text(max_size=5), min_size=1, max_size=3),
    fraction=st.floats(-1e15, 1e15, allow_subnormal=False),  # 18.16 refuses 5e-324 as a syntax error
)
def test_values_bound_are_values_read(
    warehouse: Engine, text: str, number: int, day: date, moment: datetime, texts: list[str], fraction: float
) -> None:
    sql = (
        "SELECT %(text)s, 1-%(number)s+%(number)s, toDate(%(day)s), toDateTime(%(moment)s, 'UTC'), %(texts)s, "
        "%(text)s IN %(tuple)s, 100 %% 7, toFloat64(%(fraction)s)"
    )
    params = {
        "text": text,
        "number": number,
        "day": day,
        "moment": moment,
        "texts": texts,
        "tuple": (*texts, text),
        "fraction": fraction,
    }
    [row] = warehouse.query(sql, params)
    assert row[:7] == (text, 1, day, moment, texts, 1, 2)
    assert row[7] == pytest.approx(fraction, rel=1e-12)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(warehouse: Engine, database: str, text: str) -> None:
    warehouse.execute(f"CREATE TABLE {database}.t (s String) ENGINE = Memory")
    warehouse.insert(f"{database}.t", {"s": [text]})
    warehouse.execute(f"INSERT INTO {database}.t SELECT %(s)s", {"s": text})
    assert scalar(warehouse, f"SELECT count() FROM {database}.t WHERE s = %(s)s", s=text) == 2


def test_numpy_scalars_and_booleans_are_values(warehouse: Engine) -> None:
    sql = "SELECT %(a)s, %(b)s, %(c)s, toDateTime(%(d)s, 'UTC'), toDate(%(e)s)"
    params = {
        "a": np.uint64(2**64 - 1),
        "b": True,
        "c": np.str_("x'"),
        "d": np.datetime64("2026-11-01T10:15:00", "ns"),
        "e": np.datetime64("2026-11-01"),
    }
    assert warehouse.query(sql, params) == [(2**64 - 1, 1, "x'", datetime(2026, 11, 1, 10, 15), date(2026, 11, 1))]


@pytest.mark.parametrize(
    ("params", "complaint"),
    [
        ({"x": datetime(2026, 11, 1, tzinfo=UTC)}, "time zone"),
        ({"x": [datetime(2026, 11, 1, tzinfo=UTC)]}, "time zone"),
        ({"x": object()}, "object"),
        ({"x": b"bytes"}, "bytes"),
        ({"x": {1, 2}}, "set"),
        ({"x": "\ud800"}, "utf-8"),
        ({"y": 1}, "'x'"),
    ],
)
def test_what_cannot_be_bound_is_named(warehouse: Engine, params: dict[str, object], complaint: str) -> None:
    with pytest.raises(TerminalError, match=complaint):
        warehouse.query("SELECT %(x)s", params)


def test_a_lone_percent_needs_doubling_only_with_values(warehouse: Engine) -> None:
    assert warehouse.query("SELECT 'a%', 7 % 4") == [("a%", 3)]
    with pytest.raises(TerminalError, match="%%"):
        warehouse.query("SELECT 7 % 4, %(x)s", {"x": 1})


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"n": [1], "absent": [1]}, "no column absent"),
        ({"n": [1, 2], "d": [date(2026, 1, 1)]}, "one length"),
        ({"d": [date(2150, 1, 1)]}, "t.d .*not a day"),
        ({"d": ["2026-01-01"]}, "t.d .*not a day"),
        ({"t": [datetime(1969, 12, 31)]}, "t.t .*not a time"),
        ({"t": [datetime(2026, 1, 1, tzinfo=UTC)]}, "t.t .*time zone"),
        ({"n": ["text"]}, "column .*t.n "),
        ({"n": [-1]}, "column .*t.n "),
        ({"n": [None]}, "column .*t.n "),
        ({"s": [None]}, "column .*t.s "),
        ({"s": [5]}, "column .*t.s "),
        ({"a": [[None]]}, "a value does not fit"),
        ({"n; DROP": [1]}, "cannot be the name"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    warehouse: Engine, database: str, columns: dict[str, list[Any]], complaint: str
) -> None:
    warehouse.execute(
        f"CREATE TABLE {database}.t (n UInt8, s String, d Date, t DateTime('UTC'), a Array(String)) ENGINE = Memory"
    )
    with pytest.raises(TerminalError, match=complaint):
        warehouse.insert(f"{database}.t", columns)
    assert scalar(warehouse, f"SELECT count() FROM {database}.t") == 0


def test_arrays_of_numpy_are_columns(warehouse: Engine, database: str) -> None:
    warehouse.execute(
        f"CREATE TABLE {database}.t (n UInt64, d Date, t DateTime('Asia/Tokyo'), f Float64, s String) ENGINE = Memory"
    )
    start = np.datetime64("2026-10-25T00:00:00")
    count = 3 * 24
    columns = {
        "n": np.arange(count),
        "d": start.astype("datetime64[D]") + np.arange(count) // 24,
        "t": start + np.arange(count) * np.timedelta64(1, "h"),
        "f": np.arange(count) / 3,
        "s": np.array([f"user {i}" for i in range(count)]),
    }
    warehouse.insert(f"{database}.t", columns)
    first = datetime(2026, 10, 25)
    assert warehouse.query(f"SELECT * FROM {database}.t ORDER BY n") == [
        (i, date(2026, 10, 25 + i // 24), first + timedelta(hours=i), i / 3, f"user {i}") for i in range(count)
    ]


def test_a_column_whose_type_was_changed_takes_new_values(warehouse: Engine, database: str) -> None:
    warehouse.execute(f"CREATE TABLE {database}.changing (n UInt8) ENGINE = MergeTree ORDER BY tuple()")
    warehouse.insert(f"{database}.changing", {"n": [1]})
    warehouse.execute(f"ALTER TABLE {database}.changing MODIFY COLUMN n Int64")
    warehouse.insert(f"{database}.changing", {"n": [2]})
    assert warehouse.query(f"SELECT n FROM {database}.changing ORDER BY n") == [(1,), (2,)]


@pytest.mark.parametrize("comment", ["", "-- a remark\n", "/* a remark */ "])
def test_no_statement_leaves_anything_to_the_next(warehouse: Engine, database: str, comment: str) -> None:
    setting = "SELECT value FROM system.settings WHERE name = 'max_result_rows'"
    before = warehouse.query(setting)
    warehouse.query("SELECT 1")  # a warm-up: any state that it leaves must not reach the next
    for statement in ("SET max_result_rows = 12345", "CREATE TEMPORARY TABLE passing (n UInt8)", f"USE {database}"):
        # By HTTP there is no session to leave anything in, and 18.16 says so.
        with contextlib.suppress(TerminalError) if isinstance(warehouse, HttpEngine) else contextlib.nullcontext():
            warehouse.execute(comment + statement)
    assert warehouse.query(setting) == before
    with pytest.raises(TerminalError, match="passing"):
        warehouse.query("SELECT * FROM passing")
    assert scalar(warehouse, "SELECT currentDatabase()") == "default"


def test_nothing_is_an_empty_result_and_an_empty_insert(warehouse: Engine, database: str) -> None:
    warehouse.execute(f"CREATE TABLE {database}.t (n UInt64) ENGINE = Memory")
    warehouse.insert(f"{database}.t", {"n": []})
    assert warehouse.query(f"SELECT * FROM {database}.t") == []
    assert list(warehouse.stream(f"SELECT * FROM {database}.t")) == []


def test_a_stream_comes_in_blocks(warehouse: Engine) -> None:
    blocks = [block["number"] for block in warehouse.stream("SELECT number FROM system.numbers LIMIT 300000")]
    assert max(map(len, blocks)) <= 100_000
    assert [number for block in blocks for number in block] == list(range(300_000))


def test_a_stream_may_be_left_early(warehouse: Engine) -> None:
    for block in warehouse.stream("SELECT number FROM system.numbers"):
        assert block["number"][0] == 0
        break
    assert scalar(warehouse, "SELECT 1") == 1


def test_an_error_late_in_a_stream_is_an_error(warehouse: Engine) -> None:
    sql = "SELECT throwIf(number = 250000) FROM (SELECT number FROM system.numbers LIMIT 300000)"
    if warehouse.is_server:  # 18.16 has no throwIf with a late message
        sql = sql.replace("throwIf(number = 250000)", "intDiv(1, number != 250000)")
    with pytest.raises(TerminalError):
        for _ in warehouse.stream(sql):
            pass


@pytest.mark.parametrize(
    ("sql", "code"),
    [("SELECT * FROM {database}.absent", 60), ("SELECT * FROM absent_database.t", 81), ("SELEKT 1", 62)],
)
def test_a_refusal_is_terminal_short_and_has_its_code(warehouse: Engine, database: str, sql: str, code: int) -> None:
    with pytest.raises(TerminalError) as caught:
        warehouse.query(sql.format(database=database))
    assert caught.value.code == code
    assert str(caught.value).startswith(f"{warehouse.place}: ")
    assert "Stack trace" not in str(caught.value)
    assert str(caught.value).count("\n") <= 1


def test_a_format_clause_is_refused_and_a_semicolon_is_not(warehouse: Engine) -> None:
    assert warehouse.query("SELECT 1;\n") == [(1,)]
    with pytest.raises(TerminalError, match="FORMAT"):
        warehouse.query("SELECT 1 FORMAT JSON")


def test_joins_of_subqueries_run_unchanged(warehouse: Engine) -> None:
    sql = "SELECT k, l, r FROM (SELECT 1 AS k, 2 AS l) ALL LEFT JOIN (SELECT 3 AS k, 4 AS r) USING (k)"
    assert warehouse.query(sql) == [(1, 2, 0)]


def test_a_factory_travels_between_processes_and_threads(warehouse: Engine, database: str) -> None:
    table = f"{database}.t"
    warehouse.execute(f"CREATE TABLE {table} (n UInt64) ENGINE = MergeTree ORDER BY n")
    copy = pickle.loads(pickle.dumps(warehouse))
    assert copy == warehouse
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=write_some, args=(copy, table, 100 * i)) for i in range(4)]
    threads = [threading.Thread(target=write_some, args=(warehouse, table, 1000 * (i + 1))) for i in range(2)]
    for worker in workers:
        worker.start()
    for thread in threads:
        thread.start()
    for worker in workers:
        worker.join()
    for thread in threads:
        thread.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    expected = sum(sum(range(start, start + 10)) for start in (0, 100, 200, 300, 1000, 2000))
    assert warehouse.query(f"SELECT count(), sum(n) FROM {table}") == [(60, expected)]


def write_some(warehouse: Engine, table: str, start: int) -> None:
    for number in range(start, start + 5):
        warehouse.insert(table, {"n": [number]})
        warehouse.execute(f"INSERT INTO {table} SELECT %(n)s", {"n": number + 5})
        assert scalar(warehouse, f"SELECT count() FROM {table} WHERE n = %(n)s", n=number) == 1


def test_the_engines_answer_alike(
    embedded_warehouse: EmbeddedEngine, server_warehouse: ServerEngine, http_warehouse: HttpEngine
) -> None:
    sql = (
        "SELECT number, toString(number), toDate('2026-11-01') + number, toDateTime('2026-10-25 00:30:00', 'UTC'), "
        "toTimeZone(toDateTime('2026-10-25 00:30:00', 'UTC'), 'Europe/Berlin'), [number, 1], (number, 'x'), 0.1, NULL "
        "FROM system.numbers LIMIT 3"
    )
    assert embedded_warehouse.query(sql) == server_warehouse.query(sql) == http_warehouse.query(sql)


def test_reading_loads_neither_engine_nor_driver_before_it_must(embedded_warehouse: EmbeddedEngine) -> None:
    code = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from pipeline.warehouse.engines import EmbeddedEngine\n"
        "assert 'clickhouse_driver' not in sys.modules\n"
        f"assert EmbeddedEngine({embedded_warehouse.path!r}).query('SELECT 1') == [(1,)]\n"
        "assert not [name for name in sys.modules if 'chdb' in name], sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("sql", "code", "remedy"),
    [
        ("SELECT sum(n) FROM {database}.t SETTINGS max_rows_to_read = 1", 158, "max_rows_to_read"),
        ("SELECT sum(number) FROM system.numbers SETTINGS max_execution_time = 1", 159, "max_execution_time"),
    ],
)
def test_a_limit_of_the_server_names_its_remedy(
    warehouse: Engine, database: str, sql: str, code: int, remedy: str
) -> None:
    warehouse.execute(f"CREATE TABLE {database}.t (n UInt64) ENGINE = MergeTree ORDER BY n")
    warehouse.execute(f"INSERT INTO {database}.t SELECT number FROM numbers(20)")
    with pytest.raises(TerminalError) as caught:
        warehouse.query(sql.format(database=database))
    assert caught.value.code == code
    assert remedy in str(caught.value).splitlines()[1]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (201, "quota"),
        (202, "max_concurrent_queries"),
        (279, "system.clusters"),
        (341, "system.mutations"),
        (396, "max_result_rows"),
        (497, "SHOW GRANTS"),
        (519, "system.clusters"),
    ],
)
def test_other_refusals_name_their_remedy(code: int, remedy: str) -> None:
    assert remedy in str(refusal("ch:9000", code, "DB::Exception: no")).splitlines()[1]
