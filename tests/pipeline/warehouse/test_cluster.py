"""Tables that a cluster replicates: what is loaded is whole on every server, also after two loads at once."""

import multiprocessing
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from multiprocessing.synchronize import Barrier

import pytest

from pipeline.commands.main import main
from pipeline.core.errors import SettingsError, TerminalError, TransientError
from pipeline.core.settings import checking
from pipeline.warehouse import cluster as clusters
from pipeline.warehouse import forms, publish, statements, tables, views
from pipeline.warehouse.claims import TableClaim
from pipeline.warehouse.delivery_log import TableDeliveryLog
from pipeline.warehouse.engines import ServerEngine
from pipeline.warehouse.publish import Select
from pipeline.warehouse.statements import statement
from tests.patience import HANGS_SECONDS
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import create_source, differences, load, loaded, place, scratch_tables
from tests.pipeline.etl.stories import STORY as PLAIN
from tests.servers.balancer import Balancer
from tests.servers.cluster import NAME, Cluster

DAYS = [date(2026, 11, day) for day in range(1, 13)]
STORY = replace(PLAIN, table_engine="Log")  # its events outlive a server
SLOT = datetime(2026, 11, 6, 12)


@dataclass(frozen=True)
class Place:
    """A database on both servers, with the story's events on each."""

    engines: Sequence[ServerEngine]
    events: str
    database: str
    cluster: str

    @contextmanager
    def on(self, number: int, **warehouse: str) -> Iterator[ServerEngine]:
        """Be a new process that uses one of the servers."""
        engine = self.engines[number]
        options = STORY.configuration(engine, self.events, self.database)
        options["warehouse"] |= {"cluster": self.cluster, **warehouse}
        with configured(STORY.now, **options):
            yield engine


@contextmanager
def project(
    cluster: Cluster, name: str = NAME
) -> Iterator[tuple[str, Callable[..., AbstractContextManager[ServerEngine]]]]:
    """Yield the name of a fresh database, and `Place.on`."""
    made = make_place(cluster, name)
    try:
        yield made.database, made.on
    finally:
        for engine in made.engines:
            engine.execute(f"DROP DATABASE IF EXISTS {made.database}")


def make_place(cluster: Cluster, name: str) -> Place:
    number = uuid.uuid4().hex[:12]
    engines = [node.engine for node in cluster.nodes]
    for engine in engines:
        create_source(engine, f"events_{number}", STORY)
    return Place(engines, f"events_{number}", f"test_{number}", name)


@pytest.fixture(scope="module")
def shared(cluster: Cluster) -> Place:
    """A database whose tables are made, for tests that disturb no other one."""
    made = make_place(cluster, NAME)
    with made.on(0):
        tables.open_warehouse()
    return made


def caught_up(cluster: Cluster, database: str, *names: str) -> None:
    """Wait until each server has what the others have."""
    for node in cluster.nodes:
        for name in names:
            node.engine.execute(f"SYSTEM SYNC REPLICA {database}.{name}")


def assert_whole(cluster: Cluster, database: str) -> None:
    """Each server has the story's rows, and nothing of a run is left."""
    caught_up(cluster, database, tables.USER_DAY, tables.DAILY_METRICS, tables.DAILY_TOTALS)
    for node in cluster.nodes:
        for day in STORY.days:
            assert differences(loaded(node.engine, database, day), STORY.expected(day)) == {}
        assert scratch_tables(node.engine, database) == []


def test_days_are_whole_on_every_server(cluster: Cluster) -> None:
    full = "SELECT engine_full FROM system.tables WHERE database = %(database)s AND name = 'daily_metrics'"
    with project(cluster) as (database, on):
        with on(0):
            load(*STORY.days)
        with on(1) as second:
            load(*STORY.days)
        assert_whole(cluster, database)
        ((clause,),) = second.query(full, {"database": database})
        path = f"'/clickhouse/feedpulse/{NAME}/{database}/daily_metrics', '{{shard}}-{{replica}}'"
        assert clause.startswith(f"ReplicatedMergeTree({path}) PARTITION BY event_date ORDER BY (dimension, "), clause


def test_tables_that_the_user_has_replicated_himself_work(cluster: Cluster) -> None:
    made = (tables.USER_DAY, tables.SLICE_DAY, tables.DAILY_METRICS, tables.DAILY_TOTALS, tables.TABLE_UPDATES)
    with project(cluster, name="") as (database, on):
        for node in cluster.nodes:
            node.engine.execute(f"CREATE DATABASE {database}")
            for table in made:
                sql = statement(f"create_{table}", table=f"{database}.{table}")
                own = f"'/mine/{database}/{table}', '{{shard}}'"
                sql = sql.replace("ReplacingMergeTree(version)", f"ReplicatedReplacingMergeTree({own}, version)")
                node.engine.execute(sql.replace(" MergeTree ", f" ReplicatedMergeTree({own}) "))
        with on(0):
            assert main(["adopt", "--yes"]) == 0
            load(*STORY.days)
        assert_whole(cluster, database)


@pytest.mark.parametrize("engine_name", ["server", "http"])
def test_a_row_that_comes_back_is_not_ignored(cluster: Cluster, shared: Place, engine_name: str) -> None:
    row: dict[str, list[object]] = {
        "slot": [SLOT],
        "metric": ["likes"],
        "dimension": ["total"],
        "dimension_value": ["all"],
        "denominator": [1],
    }
    newest = f"SELECT numerator FROM {shared.database}.slot_metrics FINAL"
    with shared.on(0, engine=engine_name, url=f"http://127.0.0.1:{cluster.nodes[0].http_port}"):
        engine = tables.open_warehouse()
        for number in (1, 2, 1):
            tables.insert(tables.SLOT_METRICS, {**row, "numerator": [number]})
        assert engine.query(newest) == [(1,)]
        for number in (3, 4, 3):
            numbers = f"toUInt64({number}), toUInt64(1), toUInt8(0)"
            sql = f"SELECT toDateTime('{SLOT}', 'UTC'), 'likes', 'total', 'all', {numbers}"
            selected = Select(engine, sql, {})
            publish.insert_whole(selected, f"{shared.database}.slot_metrics", tables.COLUMNS[tables.SLOT_METRICS])
        assert engine.query(newest) == [(3,)]


def test_loads_through_two_servers_at_once(shared: Place) -> None:
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(2)
    runs = [context.Process(target=publish_days, args=(shared, number, together)) for number in (0, 1)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(HANGS_SECONDS)
    assert [run.exitcode for run in runs] == [0, 0]
    sql = f"SELECT event_date, count(), uniqExact(user_id) FROM {shared.database}.user_attributes GROUP BY event_date"
    for engine in shared.engines:
        engine.execute(f"SYSTEM SYNC REPLICA {shared.database}.user_attributes")
        assert sorted(engine.query(sql)) == [(day, 100, 100) for day in DAYS]


def publish_days(shared: Place, number: int, together: Barrier) -> None:
    """Publish a partition a day, in the same moment as the other process."""
    with shared.on(number) as engine:
        tables.open_warehouse()
        for day in DAYS:
            with publish.partition(tables.USER_ATTRIBUTES, str(day)) as staged:
                rows = f"SELECT toDate('{day}'), number FROM system.numbers LIMIT 100"
                engine.execute(f"INSERT INTO {staged.table} (event_date, user_id) {rows}")
                together.wait(HANGS_SECONDS)


@pytest.mark.long
def test_a_server_without_the_rows_refuses_to_go_on(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each table is replicated by itself: a marker may arrive before its rows, whose only server then dies."""
    monkeypatch.setattr(clusters, "CATCH_UP_SECONDS", 1)
    with project(cluster) as (database, on):
        with on(0):
            tables.open_warehouse()
        second = cluster.nodes[1].engine
        second.execute(f"SYSTEM STOP FETCHES {database}.daily_metrics")
        with on(0):
            load(*STORY.days)
        second.execute(f"SYSTEM SYNC REPLICA {database}.table_updates")
        markers = f"SELECT count() FROM {database}.table_updates WHERE update_id LIKE 'daily_metrics:%'"
        assert second.query(markers) == [(len(STORY.days),)]
        with cluster.without(cluster.nodes[0]), on(1):
            with pytest.raises(TransientError, match=f"{database}.daily_metrics lacks rows that another server"):
                tables.open_warehouse()
            second.execute(f"SYSTEM START FETCHES {database}.daily_metrics")
            with pytest.raises(TransientError, match="nothing is loaded, checked or sent"):
                tables.open_warehouse()
        monkeypatch.undo()
        with on(1):
            load(*STORY.days)
        assert_whole(cluster, database)


def test_views_are_on_every_server(shared: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = f"SELECT count() FROM {shared.database}.deliveries_now WHERE is_sent = 1"
    with shared.on(0):
        views.make()
    assert [engine.query(wanted) for engine in shared.engines] == [[(0,)]] * 2
    read = statements.template
    changed = {"create_deliveries_now": read("create_deliveries_now").replace("is_sent", "was_sent")}
    monkeypatch.setattr(statements, "template", lambda name: changed.get(name) or read(name))
    with shared.on(1):
        views.make()
    assert [engine.query(wanted.replace("is_sent", "was_sent")) for engine in shared.engines] == [[(0,)]] * 2


def test_a_claim_that_is_not_replicated_yet_counts(shared: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    message = {"key": "report", "channel": "outbox", "address": "here"}
    claim = {"items": ["claim a"], "states": ["open"], "versions": ["1"]}
    with shared.on(1) as second, behind(second, f"{shared.database}.delivery_state", monkeypatch):
        sql = statement("write_delivery_state", delivery_state=f"{shared.database}.delivery_state")
        shared.engines[0].execute(sql, {**message, **claim})
        with pytest.raises(TransientError, match="delivery_state lacks rows"):
            TableClaim("report", "outbox", "here", machine="b").held().__enter__()


def test_a_message_that_was_sent_through_another_server_is_known(
    shared: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    row: dict[str, list[object]] = {
        "message_key": ["report"],
        "channel": ["outbox"],
        "address": ["here"],
        "state": ["sent"],
        "at": [SLOT],
    }
    with shared.on(1) as second, behind(second, f"{shared.database}.deliveries", monkeypatch):
        shared.engines[0].insert(f"{shared.database}.deliveries", row)
        with pytest.raises(TransientError, match="deliveries lacks rows"):
            TableDeliveryLog().sent("report", "outbox")
        with shared.on(1), pytest.raises(TransientError, match="Until then nothing is loaded, checked or sent"):
            tables.open_warehouse()


@contextmanager
def behind(engine: ServerEngine, table: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Open the warehouse, then let a server fetch no rows of a table."""
    tables.open_warehouse()
    monkeypatch.setattr(clusters, "CATCH_UP_SECONDS", 1)
    engine.execute(f"SYSTEM STOP FETCHES {table}")
    try:
        yield
    finally:
        engine.execute(f"SYSTEM START FETCHES {table}")


def test_plain_tables_in_a_warehouse_with_a_cluster_are_refused(cluster: Cluster) -> None:
    with project(cluster) as (database, on):
        with on(0, cluster=""):
            tables.open_warehouse()
        with on(0), pytest.raises(SettingsError) as refused:
            tables.open_warehouse()
        with on(0), pytest.raises(SettingsError, match="on one server only"):
            tables.require_ours(tables.inspect())
        text = str(refused.value)
        assert text.startswith("[warehouse] cluster = pair, but these tables are on one server only: "), text
        assert all(f"{database}.{table}" in text for table in tables.TABLES)


@pytest.mark.parametrize(
    ("warehouse", "text"),
    [
        ({"engine": "embedded", "cluster": "main"}, "the embedded engine is in no cluster"),
        ({"engine": "server", "cluster": "main'"}, "letters, digits"),
    ],
)
def test_a_cluster_that_cannot_be(warehouse: dict[str, str], text: str) -> None:
    with configured(warehouse=warehouse), pytest.raises(SettingsError, match=text):
        checking.check()


@pytest.mark.parametrize("engine", ["server", "http"])
def test_a_balancer_in_front_of_servers_is_refused(
    cluster: Cluster, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    database = f"test_{uuid.uuid4().hex[:12]}"
    ports = [node.http_port if engine == "http" else node.port for node in cluster.nodes]
    with Balancer(ports) as balancer:
        address = {"host": "127.0.0.1", "port": str(balancer.port)}
        if engine == "http":
            address = {"url": f"http://127.0.0.1:{balancer.port}"}
        with configured(warehouse={"engine": engine, "database": database, **address}):
            with pytest.raises(SettingsError, match=r"leads to several servers \(node-1, node-2\)") as refused:
                tables.open_warehouse()
            assert "alt_hosts" in str(refused.value)
            assert main(["doctor"]) == 1
            assert "leads to several servers (node-1, node-2)" in capsys.readouterr().out
    made = "SELECT name FROM system.columns WHERE database = %(database)s"
    assert [node.engine.query(made, {"database": database}) for node in cluster.nodes] == [[], []]


@pytest.mark.long
def test_zookeeper_is_away(cluster: Cluster) -> None:
    with project(cluster) as (database, on):
        with on(0):
            load(STORY.days[0])
        cluster.keeper.kill()
        try:
            with on(0), pytest.raises(TransientError, match="ZooKeeper or Keeper does not answer the server"):
                tables.open_warehouse()
        finally:
            cluster.keeper.start()
        deadline = time.monotonic() + HANGS_SECONDS
        while not is_open(on) and time.monotonic() < deadline:
            time.sleep(1)
        with on(0):
            load(*STORY.days)
        assert_whole(cluster, database)


def is_open(on: Callable[..., AbstractContextManager[ServerEngine]]) -> bool:
    with on(0), suppress(TransientError):
        tables.open_warehouse()
        return True
    return False


@pytest.mark.long
def test_a_server_that_is_away_gets_tables_and_columns_later(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    active = "SELECT active_replicas FROM system.replicas WHERE database = %(database)s AND table = 'incidents'"
    with project(cluster) as (database, on):
        with cluster.without(cluster.nodes[1]), on(0) as first:
            tables.open_warehouse()
            assert caplog.text.count("a server of the cluster is away") == 1
        with on(1) as second:
            tables.open_warehouse()
            while second.query(active, {"database": database}) != [(2,)]:
                time.sleep(0.1)
        with cluster.without(cluster.nodes[1]):
            while first.query(active, {"database": database}) != [(1,)]:
                time.sleep(0.1)
            monkeypatch.setitem(tables.ADDED_COLUMNS, tables.INCIDENTS, {"new": "String"})
            with on(0):
                tables.open_warehouse()
        with on(1) as second:
            tables.open_warehouse()
            load(*STORY.days)
            columns = forms.read(second, database, [tables.INCIDENTS])[tables.INCIDENTS].columns
            assert columns["new"] == "String"
        assert_whole(cluster, database)


@pytest.mark.parametrize(
    ("code", "text", "remedy"),
    [
        (62, "Code: 62, e.displayText() = DB::Exception: No macro shard in config", "Set the macros shard and replica"),
        (253, "Code: 253, e.displayText() = DB::Exception: Replica /x already exists.", "must differ on each server"),
        (170, "Requested cluster 'pear' not found", "must be a name of system.clusters"),
        (122, "Code: 122, e.displayText() = DB::Exception: Table columns structure", "as SHOW CREATE TABLE says there"),
    ],
)
def test_what_a_cluster_lacks_is_told(
    server_warehouse: ServerEngine, monkeypatch: pytest.MonkeyPatch, code: int, text: str, remedy: str
) -> None:
    """The texts are those of 18.16."""

    def refuse(*_: object, **__: object) -> None:
        raise TerminalError(f"There was an error on [127.0.0.1:22076]: {text}", code)

    monkeypatch.setattr(ServerEngine, "execute", refuse)
    with (
        configured(warehouse={**place(server_warehouse), "cluster": NAME}),
        pytest.raises(TerminalError, match=remedy),
    ):
        clusters.create_table(server_warehouse, tables.DAILY_TOTALS, "test.daily_totals", {})


@pytest.mark.parametrize("table", tables.TABLES)
def test_a_replicated_table_differs_in_its_engine_only(table: str) -> None:
    added = tables.ADDED_COLUMNS.get(table, {})
    with configured(warehouse={"engine": "server"}):
        plain = clusters.creation(table, "test.t", added)
    with configured(warehouse={"engine": "server", "cluster": NAME}):
        replicated = clusters.creation(table, "test.t", added)
    assert replicated.startswith("CREATE TABLE IF NOT EXISTS test.t ON CLUSTER 'pair' (\n"), replicated
    back = replicated.replace(" ON CLUSTER 'pair'", "", 1).replace(" ENGINE = Replicated", " ENGINE = ", 1)
    name = "'/clickhouse/feedpulse/pair/test/t', '{shard}-{replica}'"
    assert back.replace(f"({name})", "", 1).replace(f"{name}, ", "", 1) == plain
