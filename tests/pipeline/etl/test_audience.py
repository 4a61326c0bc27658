"""Metrics of users over several days, against plain Python over the same users."""

import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from luigi.task_register import Register

from pipeline.core import clock, process
from pipeline.core.audience import AUDIENCE, report_metrics
from pipeline.core.errors import SettingsError
from pipeline.core.metrics import BY_NAME
from pipeline.etl import audience
from pipeline.etl.results import Counts
from pipeline.tasks import Daily, DailyReport, Morning, StagingRetention, daily
from pipeline.warehouse import tables
from pipeline.warehouse.engines import EmbeddedEngine, Engine
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import Case, insert_events, prepared, run
from tests.pipeline.etl.stories import SATURDAY, SUNDAY, at, seen, sent
from tests.pipeline.reference import Events

DAY = timedelta(days=1)
Users = Mapping[date, set[int]]


def expected(users: Users, day: date) -> dict[str, Counts]:
    """The metrics of a day from the users of each day, all of which are known."""

    def within(days: int) -> set[int]:
        return set().union(*(users[day - back * DAY] for back in range(days)))

    first = {user: min(on for on, active in users.items() if user in active) for user in set().union(*users.values())}
    values = {"wau": Counts(len(within(7)), 1), "mau": Counts(len(within(30)), 1)}
    values["stickiness"] = Counts(len(users[day]), len(within(30)))
    values["month_users"] = Counts(len(within(day.day)), 1)
    values["new_users"] = Counts(sum(on == day for on in first.values()), 1)
    for days in (1, 7):
        cohort = {user for user, on in first.items() if on == day - days * DAY}
        values[f"retention_{days}"] = Counts(len(cohort & users[day]), len(cohort))
    return values


def fill(warehouse: Engine, database: str, users: Users) -> None:
    rows = [(day, user) for day, active in users.items() for user in sorted(active)]
    days, ids = [day for day, _ in rows], [user for _, user in rows]
    warehouse.insert(f"{database}.{tables.ACTIVE_USERS}", {"event_date": days, "user_id": ids})


def test_every_metric_is_that_of_the_users(warehouse: Engine) -> None:
    draw = random.Random(1)
    first, last = date(2026, 8, 20), date(2026, 11, 8)
    # Users come every day, rarely or once, and some after more days than a number has bits.
    habits = {user: draw.choice([0.9, 0.3, 0.03, 0.01]) for user in range(1, 120)}
    users = {
        day: {user for user, chance in habits.items() if draw.random() < chance} | {2**63 + day.toordinal()}
        for day in clock.days(first, last)
    }
    case = Case(events=Events([], []), days=(last,))
    with prepared(warehouse, case) as (_, database):
        tables.open_warehouse()
        fill(warehouse, database, users)
        found = audience.totals([*AUDIENCE, BY_NAME["views"]], last - 13 * DAY, last)
    assert found["views"] == {}
    for day in clock.days(last - 13 * DAY, last):
        assert {metric.name: found[metric.name][day] for metric in AUDIENCE} == expected(users, day)


def test_a_day_without_the_days_that_a_metric_needs_has_no_value(embedded_warehouse: EmbeddedEngine) -> None:
    first, last = date(2026, 10, 1), date(2026, 11, 8)
    hole = date(2026, 10, 20)
    case = Case(events=Events([], []), days=(last,))
    with prepared(embedded_warehouse, case) as (_, database):
        tables.open_warehouse()
        fill(embedded_warehouse, database, {day: {1, 2} for day in clock.days(first, last) if day != hole})
        found = audience.totals(AUDIENCE, first, last)
    assert min(found["wau"]) == date(2026, 10, 7)
    assert set(found["wau"]) == {
        *clock.days(date(2026, 10, 7), hole - DAY), *clock.days(hole + 7 * DAY, last)
    }  # fmt: skip
    assert set(found["mau"]) == set()
    assert set(found["month_users"]) == {*clock.days(first, hole - DAY), *clock.days(date(2026, 11, 1), last)}
    # Who was seen in the hole would be new after it; on the first day everybody would be.
    assert set(found["new_users"]) == set(clock.days(first + DAY, hole - DAY))
    assert set(found["retention_7"]) == set(clock.days(first + 8 * DAY, hole - DAY))


def test_the_report_shows_them_and_a_day_that_is_loaded_again_counts_again(
    embedded_warehouse: EmbeddedEngine, tmp_path: Path
) -> None:
    start = SATURDAY - DAY
    feed = [seen(user, at(day), "view") for day in clock.days(start, SUNDAY) for user in (1, 2, 10 + day.day)]
    case = Case(events=Events(feed, [sent(500, 501, at(SUNDAY))]), days=(SUNDAY,), attribute_days=0)
    report = {"channels": "outbox", "metrics": "new_users,retention_1,wau"}
    outbox, delivery = {"path": str(tmp_path / "outbox")}, {"lock_path": str(tmp_path / "locks")}
    with prepared(
        embedded_warehouse, case, report=report, etl={"start": str(start)}, outbox=outbox, delivery=delivery
    ) as (source, _):
        clock.set_now(datetime.fromisoformat("2026-11-09T03:00:00Z"))
        run(Morning())
        text = (tmp_path / "outbox" / f"daily_report-{SUNDAY}.txt").read_text(encoding="utf-8")
        # 1 and 2 come every day, and each day one more, who never comes again.
        assert "New users: 1\nvs yesterday: 0.0%; vs last Sunday: -\n" in text
        assert "Day-1 retention: 0%\nvs yesterday: -; vs last Sunday: -\n" in text
        assert "WAU: -\n" in text
        # Sunday's new user was there on Saturday already.
        late = [seen(18, at(SATURDAY), "view")]
        insert_events(embedded_warehouse, source, Case(events=Events(late, []), days=(SATURDAY,)))
        process.reset()
        Register.clear_instance_cache()
        run(Morning())
        text = (tmp_path / "outbox" / f"daily_report-{SUNDAY}.txt").read_text(encoding="utf-8")
        assert ": new users 1 → 0, day-1 retention 0% → 50.0%\n" in text
        assert "New users: 0\nvs yesterday: -100%; vs last Sunday: -\n" in text.replace("\u2212", "-")


def test_users_are_kept_as_long_as_the_report_needs_them(
    embedded_warehouse: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "IN_USE_SECONDS", -60)
    old, newer = SUNDAY - 60 * DAY, SUNDAY - 40 * DAY
    case = Case(events=Events([], []), days=(SUNDAY,), attribute_days=0)
    for metrics, kept in (("new_users", [old, newer]), ("feed_users,mau", [newer]), ("feed_users", [])):
        with prepared(embedded_warehouse, case, report={"metrics": metrics}) as (_, database):
            tables.open_warehouse()
            fill(embedded_warehouse, database, {old: {1}, newer: {2}})
            run(StagingRetention(date=SUNDAY))
            days = embedded_warehouse.query(f"SELECT DISTINCT event_date FROM {database}.active_users ORDER BY 1")
            assert [day for (day,) in days] == kept


def test_nothing_is_kept_for_a_report_without_them(embedded_warehouse: EmbeddedEngine) -> None:
    case = Case(events=Events([seen(1, at(SUNDAY), "view")], []), days=(SUNDAY,), attribute_days=0)
    with prepared(embedded_warehouse, case) as (_, database):
        clock.set_now(datetime.fromisoformat("2026-11-09T03:00:00Z"))
        run(Daily())
        assert embedded_warehouse.query(f"SELECT count() FROM {database}.active_users") == [(0,)]


def test_a_report_alone_lists_the_users_of_its_day(embedded_warehouse: EmbeddedEngine, tmp_path: Path) -> None:
    case = Case(events=Events([seen(1, at(SUNDAY), "view")], []), days=(SUNDAY,), attribute_days=0)
    outbox, delivery = {"path": str(tmp_path / "outbox")}, {"lock_path": str(tmp_path / "locks")}
    with prepared(embedded_warehouse, case, report={"metrics": "mau"}, outbox=outbox, delivery=delivery) as (
        _,
        database,
    ):
        run(DailyReport(date=SUNDAY))
        assert embedded_warehouse.query(f"SELECT * FROM {database}.active_users") == [(SUNDAY, 1)]


def test_an_unknown_metric_is_refused_with_all_names() -> None:
    with configured(report={"metrics": "views,vau"}), pytest.raises(SettingsError, match="unknown metric vau;.*mau"):
        report_metrics()
