"""``[warehouse] max_memory``: an aggregation that needs more goes on on disk, with equal rows."""

import pytest

from pipeline.core import settings
from pipeline.core.errors import SettingsError, TerminalError
from pipeline.tasks import FeedUserDay, MessageUserDay
from pipeline.warehouse import connections
from pipeline.warehouse.engines import EmbeddedEngine, Engine
from tests.benchmarks.etl import DAY, IN_DAY, NOW, SOURCE, make_events
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import fresh_database, place

SPILLED = "SELECT sum(value) FROM system.events WHERE event = 'ExternalAggregationWritePart'"


def carried(warehouse: Engine, max_memory: str) -> tuple[list[tuple[object, ...]], int]:
    """Load the extracts of a day; return a checksum of each, and how often an aggregation was written to disk."""
    ((before,),) = warehouse.query(SPILLED)
    with fresh_database(warehouse) as database:
        section = {**place(warehouse), "database": database, "max_memory": max_memory}
        with configured(NOW, warehouse=section, source={"database": SOURCE}, clock={"timezone": "Europe/Moscow"}):
            for extract in (FeedUserDay, MessageUserDay):
                extract(date=DAY).run()
        sums = [
            row
            for table, own in (
                ("feed_user_day", "views, likes, os, age"),
                ("message_user_day", "users_sent, users_received"),
            )
            for row in warehouse.query(
                f"SELECT count(), sum(cityHash64(user_id, toString(tuple({own})))) FROM {database}.{table}"
            )
        ]
    ((after,),) = warehouse.query(SPILLED)
    return sums, after - before


@pytest.mark.parametrize("warehouse", [pytest.param("embedded", marks=pytest.mark.long), "server"], indirect=True)
def test_a_small_limit_gives_equal_rows(warehouse: Engine) -> None:
    readers = 300_000 if warehouse.is_server else 1_000_000  # newer versions need less memory for a user
    try:
        make_events(warehouse, readers=readers, feed=2 * readers, messages=300_000)
        expected, spilled = carried(warehouse, "")
        assert spilled == 0
        assert [expected[0][:1]] == warehouse.query(
            f"SELECT uniqExact(user_id) FROM {SOURCE}.feed_actions WHERE {IN_DAY}"
        )
        actual, spilled = carried(warehouse, "100M" if warehouse.is_server else "120M")
        assert actual == expected
        assert spilled > 0
        with pytest.raises(TerminalError, match=r"\(code 241\)\n.*raise \[warehouse\] max_memory"):
            carried(warehouse, "17M")
    finally:
        warehouse.execute(f"DROP DATABASE IF EXISTS {SOURCE}", idempotent=True)


def test_a_limit_stays_with_its_configuration(embedded_warehouse: EmbeddedEngine) -> None:
    """The process of the embedded engine serves both."""
    sql = "SELECT getSetting('max_memory_usage')"
    for limit in (0, 1 << 30, 0, 2 << 30):
        engine = embedded_warehouse.with_settings(max_memory_usage=limit) if limit else embedded_warehouse
        assert engine.query(sql) == [(limit,)]


@pytest.mark.parametrize(
    ("text", "size"), [("", 0), ("2G", 2 << 30), ("1.5 GiB", 3 << 29), ("500MB", 500 << 20), ("20000000", 20_000_000)]
)
def test_sizes(text: str, size: int) -> None:
    with configured(warehouse={"max_memory": text}):
        settings.check()
        assert settings.max_memory() == size


@pytest.mark.parametrize("text", ["much", "2X", "-1G", "1M", "0"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with configured(warehouse={"max_memory": text}), pytest.raises(SettingsError, match="max_memory = "):
        settings.check()


def test_without_a_limit_nothing_is_sent() -> None:
    with configured(warehouse={"engine": "server"}):
        assert connections.warehouse().settings == {}  # type: ignore[attr-defined]
    with configured(warehouse={"engine": "server", "max_memory": "1G"}):
        assert connections.warehouse().settings == {  # type: ignore[attr-defined]
            "max_memory_usage": 1 << 30,
            "max_bytes_before_external_group_by": 1 << 29,
            "max_bytes_before_external_sort": 1 << 29,
        }
        assert connections.source() == connections.warehouse()
    with configured(warehouse={"max_memory": "1G"}, source={"engine": "server"}):
        assert connections.source().settings == {}  # type: ignore[attr-defined]
