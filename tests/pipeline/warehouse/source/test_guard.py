"""A source that is spread over servers: nothing may be left out in silence, and each reading sees the same rows."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from pipeline.core import process
from pipeline.core.errors import SourceError, TerminalError, TransientError
from pipeline.etl import reconciliation
from pipeline.warehouse.engines import Engine, ServerEngine
from pipeline.warehouse.markers import RawRows
from pipeline.warehouse.source import Source, source
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import create_source, place, prepared
from tests.pipeline.etl.stories import FRIDAY, STORY

CASE = replace(STORY, attribute_days=0)
SETTING = "SELECT value FROM system.settings WHERE name = 'load_balancing'"
TABLES = ("feed_actions", "message_actions")


@pytest.fixture
def halves(server_warehouse: ServerEngine) -> Iterator[None]:
    """The events in both databases that are shards of this server."""
    for name in ("half_1", "half_2"):
        create_source(server_warehouse, name, CASE)
    yield
    for name in ("half_1", "half_2"):
        server_warehouse.execute(f"DROP DATABASE {name}", idempotent=True)


def spread(engine: Engine, database: str, cluster: str, view: bool = False) -> None:
    """Put tables that are spread over a cluster in the place of those of a database, or views of such."""
    for table in TABLES:
        engine.execute(f"RENAME TABLE {database}.{table} TO {database}.plain_{table}")
        name = f"of_{table}" if view else table
        made = f"CREATE TABLE {database}.{name} AS half_1.{table} ENGINE = Distributed({cluster}, '', {table})"
        engine.execute(made)
        if view:
            engine.execute(f"CREATE VIEW {database}.{table} AS SELECT * FROM {database}.{name}")


def read_as(engine: ServerEngine, user: str, origin: str, database: str) -> Source:
    """Check the source as a process of another user."""
    options = CASE.configuration(engine, origin, database)
    own = {**options["source"], **place(engine), "user": user}
    with configured(CASE.now, **{**options, "source": own}):
        return source()


@pytest.mark.parametrize("view", [False, True])
def test_a_user_who_leaves_out_shards_is_refused(server_warehouse: ServerEngine, halves: None, view: bool) -> None:
    with prepared(server_warehouse, CASE) as (origin, database):
        read_as(server_warehouse, "partial", origin, database)  # its tables are on this server
        spread(server_warehouse, origin, "away", view)
        kind = "View, which may read a Distributed table" if view else "Distributed"
        with pytest.raises(SourceError) as refused:
            read_as(server_warehouse, "partial", origin, database)
    assert str(refused.value) == (
        f"{server_warehouse.place}: the profile of this user sets skip_unavailable_shards = 1, and "
        f"{origin}.feed_actions is {kind}: while a shard is down, its rows would be missing from days and reports "
        "without an error.\nSet skip_unavailable_shards = 0 in the profile of the user of [source]."
    )


def test_a_shard_that_is_down_is_told(
    server_warehouse: ServerEngine, halves: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.warehouse.engines.base.RETRY_PAUSES_SECONDS", ())
    with prepared(server_warehouse, CASE) as (origin, _):
        spread(server_warehouse, origin, "away")
        with pytest.raises(TransientError, match=r"\(code 279\)\nA shard of the source is down: "):
            reconciliation.count_raw(FRIDAY)


@pytest.mark.parametrize(("user", "sent"), [("default", "in_order"), ("reader", "random")])
def test_the_first_replica_is_read_by_who_may_choose(
    server_warehouse: ServerEngine, halves: None, user: str, sent: str
) -> None:
    with prepared(server_warehouse, CASE) as (origin, database):
        engine = replace(server_warehouse, user=user)
        assert read_as(server_warehouse, user, origin, database).engine.query(SETTING) == [("random",)]
        spread(server_warehouse, origin, "halves")
        options = CASE.configuration(server_warehouse, origin, database)
        own = {**options["source"], **place(engine)}
        with configured(CASE.now, **{**options, "source": own}):
            events = source()
            assert events.engine.query(SETTING) == [(sent,)]
            assert events.engine == engine  # so that a load stays inside one server
            assert reconciliation.count_raw(FRIDAY).rows == RawRows(2 * 3, 2 * 3)


ALLOWED = {"name": ["load_balancing", "readonly"], "value": ["random", "0"], "readonly": [0, 0]}
"""What a new version says of settings that the user may change."""


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        (ALLOWED, "in_order"),
        ({**ALLOWED, "readonly": [1, 0]}, None),
        ({**ALLOWED, "value": ["random", "1"]}, None),
        ({**ALLOWED, "value": ["nearest_hostname", "0"]}, None),
        (None, None),
    ],
    ids=["may change it", "a constraint", "reads only", "has chosen", "may not read settings"],
)
def test_what_may_not_be_sent_is_not(
    server_warehouse: ServerEngine,
    halves: None,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, list[object]] | None,
    sent: str | None,
) -> None:
    asked: list[str] = []
    query = ServerEngine.query

    def listen(self: ServerEngine, sql: str, params: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        asked.append(sql)
        return query(self, sql, params)

    def answer(self: ServerEngine, sql: str, params: Mapping[str, object] | None = None) -> Iterator[Any]:
        asked.append(sql)
        if settings is None:
            raise TerminalError("Not enough privileges", 497)
        yield settings

    monkeypatch.setattr(ServerEngine, "query", listen)
    monkeypatch.setattr(ServerEngine, "stream", answer)
    with prepared(server_warehouse, CASE) as (origin, _):
        source()
        assert len(asked) == 1  # both tables are on the server itself
        spread(server_warehouse, origin, "halves")
        process.reset()
        found = source().engine
        assert isinstance(found, ServerEngine)
        assert dict(found.settings).get("load_balancing") == sent
    assert len(asked) == 3
