"""The cost of a day's load: the staged tasks against the best single statement, and against pandas.

``python -m tests.benchmarks.etl [--feed 10000000] [--messages 2000000] [--rounds 5] [--engine embedded|server]``

The ways run in turn, round by round, on the same events; their results must be equal. CPU is that of the engine's
process and its children, and for pandas also that of the program. It prints the ratio of each way to the cheaper single
statement, as the median of the rounds, and the peak resident memory.
"""

import argparse
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import luigi

from pipeline.tasks import DailyMetrics
from pipeline.warehouse.engines import EmbeddedEngine, Engine, ServerEngine
from pipeline.warehouse.tables import ATTRIBUTES, VALUES
from pipeline.warehouse.tables import open_warehouse as our_tables
from tests.conftest import end_owner, owners
from tests.pipeline.configuration import configured, shipped
from tests.pipeline.etl.running import place
from tests.servers.clickhouse import ClickHouseServer

DAY = date(2026, 11, 10)
NOW = datetime(2026, 11, 12)
SOURCE = "bench_events"
MOMENT = "toDateTime('2026-11-10 00:00:00', 'UTC') + intHash32(number * 7 + 3) % 86400"
# Attributes depend on the user, in both tables; one user in fifty has a second device.
ATTRIBUTE_SQL = """
    toInt8(intHash32({user}) % 2) AS gender, toInt16(14 + intHash32({user} + 1) % 50) AS age,
    if(intHash32({user} + 2) % 100 < 60 OR intHash32({user} + 3) % 50 = 0 AND number % 2 = 0, 'Android', 'iOS') AS os
"""
IN_DAY = "time >= toDateTime('2026-11-09 21:00:00', 'UTC') AND time < toDateTime('2026-11-10 21:00:00', 'UTC')"
# Attributes here are never negative, so after adding 1, 0 means unknown.
GREATEST = "max(os) AS {0}_os, max(gender) + 1 AS {0}_gender, max(age) + 1 AS {0}_age"
PAIR = "bitOr(bitShiftLeft(toUInt64(user_id), 32), toUInt64(receiver_id))"
PERSON = "toUInt32(if(side = 1, bitShiftRight(pair, 32), bitAnd(pair, 4294967295))) AS person"
ENDS = """
    sumIf(messages, side = 0) AS received, sumIf(messages, side = 1) AS sent,
    countIf(side = 0) AS from_users, countIf(side = 1) AS to_users
"""
WARM_ROUNDS = 3  # the first ones fill caches and cost a tenth more
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

Rows = list[tuple[object, ...]]


@dataclass
class MeasuredEngine:
    """An engine and its process."""

    name: str
    warehouse: Engine
    process: Callable[[], int]

    def cpu_seconds(self) -> float:
        """CPU seconds used by its process."""
        fields = Path(f"/proc/{self.process()}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / CLOCK_TICKS

    def peak_bytes(self) -> int:
        """Its peak resident memory so far."""
        status = Path(f"/proc/{self.process()}/status").read_text()
        (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
        return 1024 * int(kilobytes)


@contextmanager
def engines(only: str) -> Iterator[Iterator[MeasuredEngine]]:
    """Each engine in turn, in its own directory."""
    with tempfile.TemporaryDirectory() as folder:

        def each() -> Iterator[MeasuredEngine]:
            if only != "server":
                embedded = EmbeddedEngine(f"{folder}/embedded")
                embedded.query("SELECT 1")
                yield MeasuredEngine("embedded", embedded, lambda: owners(embedded)[0])
                end_owner(embedded)
            if only != "embedded":
                with ClickHouseServer(Path(folder) / "server") as server:
                    yield MeasuredEngine("server", ServerEngine(server.host, server.port), lambda: server.pid)

        yield each()


def make_events(warehouse: Engine, readers: int, feed: int, messages: int) -> None:
    """Fill both source tables inside the engine: each sender sends 20 messages to a few friends."""
    warehouse.execute(f"CREATE DATABASE {SOURCE}")
    for table, own, rows, user in (
        ("feed_actions", "if(intHash32(number) % 6 = 0, 'like', 'view') AS action", feed, readers),
        ("message_actions", "{friend} AS receiver_id", messages, messages // 20),
    ):
        sender = f"toUInt32(intHash64(number) % {user})"
        friend = f"toUInt32(intHash64({sender} + intHash64(number + 5) % 5) % {readers * 5 // 4})"  # some only receive
        warehouse.execute(
            f"CREATE TABLE {SOURCE}.{table} ENGINE = MergeTree ORDER BY time AS SELECT {sender} AS user_id, "
            f"{own.format(friend=friend)}, {MOMENT} AS time, {ATTRIBUTE_SQL.format(user=sender)}, "
            "'ads' AS source, 'Russia' AS country, 'Moscow' AS city, toInt8(0) AS exp_group "
            f"FROM (SELECT number FROM system.numbers LIMIT {rows})"
        )
        # Otherwise background merges would count for the way that happens to run.
        warehouse.execute(f"OPTIMIZE TABLE {SOURCE}.{table} FINAL")


# Messages received and sent by user, with the user's attributes as a sender. Each of the two is cheaper on one engine.
BY_PAIR = f"""
    SELECT {PERSON}, {ENDS}, maxIf(o, side = 1) AS message_os, maxIf(g, side = 1) AS message_gender,
        maxIf(a, side = 1) AS message_age
    FROM (
        SELECT {PAIR} AS pair, count() AS messages, arrayJoin([0, 1]) AS side,
            max(os) AS o, max(gender) + 1 AS g, max(age) + 1 AS a
        FROM {SOURCE}.message_actions WHERE {IN_DAY} GROUP BY pair
    )
    GROUP BY person
"""
JOINED = f"""
    SELECT person, received, sent, from_users, to_users, message_os, message_gender, message_age
    FROM (
        SELECT {PERSON}, {ENDS}
        FROM (
            SELECT {PAIR} AS pair, count() AS messages, arrayJoin([0, 1]) AS side
            FROM {SOURCE}.message_actions WHERE {IN_DAY} GROUP BY pair
        )
        GROUP BY person
    )
    ANY LEFT JOIN (
        SELECT user_id AS person, {GREATEST.format("message")}
        FROM {SOURCE}.message_actions WHERE {IN_DAY} GROUP BY person
    ) USING (person)
"""


def single_statement(warehouse: Engine, messages: str) -> Rows:
    """The cheapest known SELECT: events by user, distinct pairs once, a join, and slices of few groups."""
    return warehouse.query(f"""
        SELECT slice.1, slice.2, sum(v), sum(l), sum(mr), sum(ms), sum(ur), sum(us)
        FROM (
            SELECT
                if(feed_os > message_os, feed_os, message_os) AS os,
                if(feed_gender > message_gender, feed_gender, message_gender) AS gender,
                if(feed_age > message_age, feed_age, message_age) AS age,
                sum(views) AS v, sum(likes) AS l,
                sum(received) AS mr, sum(sent) AS ms, sum(from_users) AS ur, sum(to_users) AS us,
                [
                    ('os', if(os = '', 'unknown', os)),
                    ('gender', if(gender = 0, 'unknown', toString(gender - 1))),
                    ('age', if(age = 0, 'unknown', toString(age - 1)))
                ] AS slices
            FROM (
                SELECT
                    user_id AS person, countIf(action = 'view') AS views, countIf(action = 'like') AS likes,
                    {GREATEST.format("feed")}
                FROM {SOURCE}.feed_actions WHERE {IN_DAY} GROUP BY person
            )
            ALL FULL JOIN ({messages}) USING (person)
            GROUP BY os, gender, age
        )
        ARRAY JOIN slices AS slice
        GROUP BY slice
    """)


def with_pandas(warehouse: Engine) -> Rows:
    """The usual solution: per-user aggregates fetched, merged and grouped in pandas."""
    import pandas as pd

    def frame(select: str, *columns: str) -> "pd.DataFrame":
        return pd.DataFrame(warehouse.query(select.format(day=IN_DAY, source=SOURCE)), columns=["user_id", *columns])

    attributes = "max(os), max(gender), max(age)"
    feed = frame(
        "SELECT user_id, countIf(action = 'view'), countIf(action = 'like') FROM {source}.feed_actions "
        "WHERE {day} GROUP BY user_id",
        *VALUES[:2],
    )
    received = frame(
        "SELECT receiver_id, count(), uniqExact(user_id) FROM {source}.message_actions "
        "WHERE {day} GROUP BY receiver_id",
        "messages_received",
        "users_received",
    )
    sent = frame(
        "SELECT user_id, count(), uniqExact(receiver_id) FROM {source}.message_actions WHERE {day} GROUP BY user_id",
        "messages_sent",
        "users_sent",
    )
    known = pd.concat(
        frame(f"SELECT user_id, {attributes} FROM {{source}}.{table} WHERE {{day}} GROUP BY user_id", *ATTRIBUTES)
        for table in ("feed_actions", "message_actions")
    )
    known = known.groupby("user_id", as_index=False).max()
    users = feed.merge(received, on="user_id", how="outer").merge(sent, on="user_id", how="outer")
    users = users.merge(known, on="user_id", how="left")
    users[list(VALUES)] = users[list(VALUES)].fillna(0).astype("int64")
    rows: Rows = []
    for dimension in ATTRIBUTES:
        known_value = users[dimension] if dimension == "os" else users[dimension].astype("Int64")
        sums = users.groupby(known_value.astype("string").fillna("unknown"))[list(VALUES)].sum()
        rows += [(dimension, name, *map(int, numbers)) for name, *numbers in sums.itertuples()]
    return rows


def staged(warehouse: Engine, database: str) -> Rows:
    """The tasks of the pipeline, including reconciliation."""
    assert luigi.build([DailyMetrics(date=DAY)], local_scheduler=True, log_level="WARNING")
    values = ", ".join(VALUES)
    return warehouse.query(f"SELECT dimension, dimension_value, {values} FROM {database}.daily_metrics")


def measure(engine: MeasuredEngine, rounds: int) -> None:
    """Run the ways in turn and print their ratios."""
    ways: dict[str, Callable[[], Rows]] = {
        "single, by pair": lambda: single_statement(engine.warehouse, BY_PAIR),
        "single, joined": lambda: single_statement(engine.warehouse, JOINED),
        "staged tasks": lambda: staged(engine.warehouse, database),
        "pandas": lambda: with_pandas(engine.warehouse),
    }
    costs: dict[str, list[tuple[float, float, float]]] = {way: [] for way in ways}
    for number in range(WARM_ROUNDS + rounds):
        database = f"bench_{number}"
        options = {
            "warehouse": {**place(engine.warehouse), "database": database},
            "source": {"database": SOURCE},
            "etl": {"attribute_days": "0"},
            "clock": {"timezone": "Europe/Moscow"},
            "worker": shipped("worker"),
        }
        results = []
        with configured(NOW, **options):
            our_tables()  # created once, not once a day
            for way, run in ways.items():
                before = engine.cpu_seconds(), time.process_time(), time.perf_counter()
                results.append(sorted(run()))
                after = engine.cpu_seconds(), time.process_time(), time.perf_counter()
                engine_cpu, own_cpu, wall = (b - a for a, b in zip(before, after, strict=True))
                costs[way].append((engine_cpu, own_cpu, wall))
        if not all(rows == results[0] for rows in results):
            raise SystemExit(f"{engine.name}: the ways differ")
        engine.warehouse.execute(f"DROP DATABASE {database}", idempotent=True)
    print(f"\n{engine.name}: {len(results[0])} equal rows, {rounds} rounds, medians; CPU in seconds")
    print(f"{'way':<18}{'engine CPU':>12}{'own CPU':>9}{'wall':>7}{'ratio':>7}   (rounds)")
    singles = [[cpu for cpu, *_ in every[WARM_ROUNDS:]] for way, every in costs.items() if way.startswith("single")]
    bases = min(singles, key=statistics.median)
    for way, every in costs.items():
        rows = every[WARM_ROUNDS:]
        in_work = [cpu + (own if way == "pandas" else 0) for cpu, own, _ in rows]
        ratios = [cost / base for cost, base in zip(in_work, bases, strict=True)]
        medians = [statistics.median(column) for column in zip(*rows, strict=True)]
        print(
            f"{way:<18}{medians[0]:>12.2f}{medians[1]:>9.2f}{medians[2]:>7.2f}{statistics.median(ratios):>7.2f}"
            f"   ({min(ratios):.2f} to {max(ratios):.2f})"
        )
    print(f"peak memory of the engine: {engine.peak_bytes() / 2**20:,.0f} MiB")


def main() -> None:
    """Measure on each engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feed", type=int, default=10_000_000)
    parser.add_argument("--messages", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", choices=["both", "embedded", "server"], default="both")
    options = parser.parse_args()
    with engines(options.engine) as each:
        for engine in each:
            make_events(engine.warehouse, options.feed // 50, options.feed, options.messages)
            measure(engine, options.rounds)


if __name__ == "__main__":
    main()
