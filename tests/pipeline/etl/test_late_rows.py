"""Late rows are loaded by the next run, which reloads only days that have some."""

import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

import pytest
from luigi.configuration import get_config

from pipeline.core import clock, process
from pipeline.core.errors import RowsArrivedError
from pipeline.tasks import Daily, DailyMetrics, Slice, daily
from pipeline.tasks.etl import FeedUserDay, LoadTask, UserDay, invalidate, later_merges
from pipeline.warehouse import markers
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.markers import Marker, State, Token
from pipeline.warehouse.tables import USER_DAY
from tests.pipeline.etl.arrivals import arrive, check, on_sunday
from tests.pipeline.etl.running import build, load, loaded, prepared, run
from tests.pipeline.etl.stories import FRIDAY, SATURDAY, STORY, SUNDAY, at, seen, sent, with_events

pytestmark = pytest.mark.one_engine("server")


def test_late_rows_are_loaded_again_and_said(warehouse: Engine, caplog: pytest.LogCaptureFixture) -> None:
    with on_sunday(warehouse, start=str(FRIDAY)) as (source, database):
        run(Daily())
        check(warehouse, database, STORY, *STORY.days)
        # User 6 had no attributes on Sunday; the user's own row of Saturday arrives late.
        case = arrive(warehouse, source, STORY, [seen(6, at(SATURDAY), os="Android")])
        process.reset()
        with caplog.at_level(logging.WARNING):
            run(Daily())
        assert "2026-11-07 changed since its load: feed_actions 2 -> 3 rows (+1); it is loaded again" in caplog.text
        check(warehouse, database, case, *STORY.days)
        assert loaded(warehouse, database, SUNDAY).users[6][-3] == "Android"


@pytest.mark.parametrize("start", ["", str(SATURDAY)])
def test_late_rows_of_a_day_that_is_only_looked_up_reach_the_days_after(warehouse: Engine, start: str) -> None:
    with on_sunday(warehouse, start=start) as (source, database):
        run(Daily())
        assert loaded(warehouse, database, SUNDAY).users[6][-3] == "unknown"
        # User 6 only received a message on Sunday; the user's own row of Friday arrives late.
        case = arrive(
            warehouse, source, STORY, [seen(6, at(FRIDAY), os="Android")], [sent(6, 1, at(FRIDAY), age=31, os="")]
        )
        process.reset()
        run(Daily())
        check(warehouse, database, case, *(day for day in STORY.days if start and str(day) >= start), SUNDAY)
        assert loaded(warehouse, database, SUNDAY).users[6][-3:] == ("Android", "1", "31")
        assert not DailyMetrics(date=FRIDAY).complete()


def test_late_rows_of_a_day_that_is_only_looked_up_survive_a_kill(warehouse: Engine) -> None:
    with on_sunday(warehouse) as (source, database):
        run(Daily())
        case = arrive(warehouse, source, STORY, [seen(6, at(SATURDAY), os="Android")])
        process.reset()
        daily.reload_changed(SUNDAY)  # and killed here
        process.reset()
        run(Daily())
        check(warehouse, database, case, SUNDAY)


def test_late_rows_of_a_day_that_was_only_extracted_are_extracted_again(warehouse: Engine) -> None:
    with on_sunday(warehouse) as (source, database):
        run(FeedUserDay(date=SATURDAY))  # and killed here
        case = arrive(warehouse, source, STORY, [seen(6, at(SATURDAY), os="Android")])
        process.reset()
        run(Daily())
        check(warehouse, database, case, SUNDAY)


def test_older_late_rows_of_a_day_that_is_only_looked_up_are_loaded_with_more_days_to_reload(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "IN_USE_SECONDS", -60)
    with on_sunday(warehouse, keep_staging_days="1", reload_days="1") as (source, database):
        run(Daily())
        assert not FeedUserDay(date=FRIDAY).complete()  # its staging is dropped
        case = arrive(warehouse, source, STORY, [seen(6, at(FRIDAY), os="Android")])
        process.reset()
        run(Daily())
        check(warehouse, database, STORY, SUNDAY)
        get_config().set("etl", "reload_days", "3")
        process.reset()
        run(Daily())
        check(warehouse, database, case, SUNDAY)


def test_late_rows_of_two_days_reach_the_days_after_both(warehouse: Engine) -> None:
    with on_sunday(warehouse, start=str(FRIDAY), attribute_days="1") as (source, database):
        run(Daily())
        late = [seen(1, at(FRIDAY)), seen(6, at(SATURDAY), os="Android")]
        case = replace(arrive(warehouse, source, STORY, late), attribute_days=1)
        process.reset()
        run(Daily())
        check(warehouse, database, case, *STORY.days)


def test_an_unchanged_day_is_left_alone(warehouse: Engine) -> None:
    with on_sunday(warehouse, start=str(FRIDAY)) as (_, database):
        run(Daily())
        versions = f"SELECT update_id, version FROM {database}.table_updates FINAL ORDER BY update_id"
        before = warehouse.query(versions)
        process.reset()
        run(Daily())
        assert warehouse.query(versions) == before


def test_older_days_are_left_alone(warehouse: Engine) -> None:
    with on_sunday(warehouse, start=str(FRIDAY), reload_days="2") as (source, database):
        run(Daily())
        arrive(warehouse, source, STORY, [seen(9, at(FRIDAY))])
        process.reset()
        run(Daily())
        check(warehouse, database, STORY, *STORY.days)


def test_a_reload_that_was_cut_off_goes_on_without_a_start(warehouse: Engine) -> None:
    with on_sunday(warehouse) as (source, database):
        load(SATURDAY, SUNDAY)
        case = arrive(warehouse, source, STORY, [], [sent(8, 9, at(SATURDAY))])
        process.reset()
        daily.reload_changed(SUNDAY)  # and killed here
        assert not DailyMetrics(date=SATURDAY).complete()
        process.reset()
        run(Daily())
        check(warehouse, database, case, SATURDAY, SUNDAY)


def test_a_load_that_is_invalidated_while_it_runs_is_not_done(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_sunday(warehouse):
        load(SATURDAY)
        for task in (UserDay(date=SATURDAY), UserDay(date=SUNDAY)):  # done before, and never
            run(*task.requires())
            with monkeypatch.context() as meanwhile:
                meanwhile.setattr(LoadTask, "tell", lambda self, status: invalidate([self]))
                task.run()
            assert not task.complete()
            task.run()
            assert task.complete()


def test_a_load_whose_inputs_are_invalidated_before_it_begins_is_refused(warehouse: Engine) -> None:
    with on_sunday(warehouse):
        run(UserDay(date=SATURDAY))
        task = Slice(date=SATURDAY, dimension="os")
        assert task.requires().complete()  # so Luigi lets it run
        invalidate([UserDay(date=SATURDAY), task])
        with pytest.raises(RowsArrivedError, match="slice_day:2026-11-07:os:v1: an input is about to be loaded again"):
            task.run()
        assert not task.complete()


def test_a_merge_that_began_unseen_is_out_of_date_too(warehouse: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with on_sunday(warehouse):
        load(FRIDAY)
        later = list(later_merges(FRIDAY))  # before any of them began
        run(UserDay(date=SATURDAY))
        task = Slice(date=SATURDAY, dimension="os")
        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(LoadTask, "tell", lambda self, status: invalidate(later))
            task.run()
        assert not task.complete()


def test_days_that_nobody_asked_for_are_not_loaded(warehouse: Engine) -> None:
    with on_sunday(warehouse) as (source, database):
        load(FRIDAY)
        case = arrive(warehouse, source, STORY, [seen(1, at(FRIDAY))])
        for _ in range(2):  # the second run reads what the first invalidated
            process.reset()
            run(Daily())
        check(warehouse, database, case, FRIDAY)
        assert not DailyMetrics(date=SATURDAY).complete()


@pytest.mark.parametrize("published", [False, True])
def test_rows_that_come_between_two_runs_reach_the_days_merged_before(warehouse: Engine, published: bool) -> None:
    with on_sunday(warehouse, start=str(FRIDAY)) as (source, database):
        load(FRIDAY)
        if not published:
            invalidate([DailyMetrics(date=FRIDAY)])
        # Killed in the middle: user 6, who received a message on Sunday, has no attributes yet.
        load(SATURDAY)
        run(UserDay(date=SUNDAY))
        case = arrive(warehouse, source, STORY, [seen(6, at(FRIDAY), os="Android")])
        for _ in range(2):
            process.reset()
            build(Daily())
        check(warehouse, database, case, *STORY.days)
        assert loaded(warehouse, database, SUNDAY).users[6][-3] == "Android"


def test_a_day_loaded_too_early_by_a_wrong_clock_is_mended(warehouse: Engine) -> None:
    with prepared(warehouse, STORY) as (source, database):
        clock.set_now(datetime.fromisoformat(f"{SATURDAY}T22:00:00Z"))  # a day ahead: Saturday seems to be over
        load(SATURDAY)
        case = arrive(warehouse, source, STORY, [seen(7, at(SATURDAY, 23))])
        clock.set_now(datetime.fromisoformat(f"{SATURDAY}T22:30:00Z"))
        process.reset()
        run(Daily())
        check(warehouse, database, case, SATURDAY)


def test_a_day_loaded_before_it_began_is_mended_when_it_is_over(warehouse: Engine) -> None:
    days = {day: [event for event in STORY.events.feed if event["time"] < at(day, 24)] for day in STORY.days}
    early = with_events(days[FRIDAY], [])
    with on_sunday(warehouse, early, start=str(FRIDAY)) as (source, database):
        run(Daily())
        assert loaded(warehouse, database, SUNDAY).slices == {}
        clock.set_now(datetime.fromisoformat(f"{FRIDAY}T22:00:00Z"))  # right again: Saturday in Moscow
        process.reset()
        run(Daily())
        case = arrive(warehouse, source, early, [event for event in days[SUNDAY] if event not in days[FRIDAY]])
        for over in (SATURDAY, SUNDAY):
            clock.set_now(datetime.fromisoformat(f"{over}T22:00:00Z"))
            process.reset()
            run(Daily())
        check(warehouse, database, case, *STORY.days)


def test_a_day_marked_while_the_machines_clock_was_ahead_is_loaded_again(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with on_sunday(warehouse) as (source, database):
        with monkeypatch.context() as ahead:
            tomorrow = time.time_ns() + 86_400 * 10**9
            ahead.setattr(time, "time_ns", lambda: tomorrow)
            load(SUNDAY)
        case = arrive(warehouse, source, STORY, [seen(7, at(SUNDAY))])
        process.reset()
        run(Daily())
        check(warehouse, database, case, SUNDAY)


def test_a_load_that_began_during_its_invalidation_is_not_done(
    warehouse: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with prepared(warehouse, STORY):
        marker = Marker("user_day:2026-11-08:v1", USER_DAY)
        markers.complete(marker)
        began: list[Token] = []
        read = markers.states

        def read_while_loads_are_at_work(update_ids: Iterable[str]) -> dict[str, State]:
            known = read(update_ids)
            monkeypatch.undo()
            markers.finish(markers.begin(marker))
            began.append(markers.begin(marker))
            return known

        monkeypatch.setattr(markers, "states", read_while_loads_are_at_work)
        markers.invalidate([marker.update_id])
        markers.finish(began[0])
        assert not marker.exists()
        markers.finish(markers.begin(marker))
        assert marker.exists()
