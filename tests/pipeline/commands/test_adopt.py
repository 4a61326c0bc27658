"""``feedpulse adopt``: what exists, or another source, becomes part of the installation knowingly."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from pipeline.commands.main import main
from pipeline.core import process
from pipeline.tasks import DailyMetrics
from pipeline.warehouse import tables
from pipeline.warehouse.engines import Engine
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import create_source, differences, fresh_database, load, loaded, prepared, run
from tests.pipeline.etl.stories import FRIDAY, SATURDAY, STORY, with_events

pytestmark = pytest.mark.one_engine("server")


def adopt(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command as a new process does."""
    process.reset()
    capsys.readouterr()  # the load before has a log
    code = main(["adopt", *arguments])
    process.reset()
    out, err = capsys.readouterr()
    return code, out, err


def configuration(
    warehouse: Engine, source: str, result: str, /, **changes: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """The story's configuration, with changes."""
    options = STORY.configuration(warehouse, source, result)
    for section, values in changes.items():
        options[section] = {**options.get(section, {}), **values}
    return options


def test_a_table_is_taken_over_when_somebody_says_so(warehouse: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with prepared(warehouse, STORY, etl={"start": str(FRIDAY)}) as (_, database):
        load(FRIDAY)
        warehouse.execute(f"DROP TABLE {database}.installation")
        warehouse.execute(f"TRUNCATE TABLE {database}.table_updates")
        code, out, err = adopt(capsys)
        assert code == 1
        assert f"{database}.daily_metrics becomes ours: loads replace its rows, day by day.\n" in out
        assert err == "Add --yes to do it.\nNothing was changed.\n"
        assert not warehouse.query(f"EXISTS TABLE {database}.installation")[0][0]
        code, out, err = adopt(capsys, "--yes")
        assert (code, err) == (0, "")
        assert out.endswith("Done. `feedpulse run Daily` goes on from here.\n")
        load(FRIDAY)
        assert adopt(capsys) == (
            0,
            "Nothing to adopt: every table is ours, and the settings are those of the record.\n",
            "",
        )


def test_a_table_of_another_form_is_never_taken_over(warehouse: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with prepared(warehouse, STORY) as (_, database):
        warehouse.execute(f"CREATE DATABASE {database}")
        warehouse.execute(f"CREATE TABLE {database}.user_day (x UInt8) ENGINE = Log")
        warehouse.execute(f"CREATE TABLE {database}.incidents (id UInt8) ENGINE = Log")
        code, out, err = adopt(capsys, "--yes")
        assert (code, out) == (1, "")
        assert f"{database}.user_day cannot become ours: its engine is Log, not MergeTree.\n" in err
        assert f"{database}.incidents cannot become ours: its engine is Log" in err
        assert err.endswith("Nothing was changed. Set [warehouse] prefix or another [etl] table.\n")
        assert len(warehouse.query(f"SHOW TABLES FROM {database}")) == 2


def test_days_are_published_into_a_new_result_table(warehouse: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with prepared(warehouse, STORY) as (source, database):
        load(FRIDAY, SATURDAY)
        with configured(STORY.now, **configuration(warehouse, source, database, etl={"table": "mine"})):
            code, out, _ = adopt(capsys, "--yes")
            assert code == 0
            assert "The result table changes from daily_metrics to mine." in out
            assert not DailyMetrics(date=FRIDAY).complete()
            load(FRIDAY, SATURDAY)
            for day in (FRIDAY, SATURDAY):
                assert differences(loaded(warehouse, database, day, "mine"), STORY.expected(day)) == {}


def test_a_result_table_that_an_earlier_release_did_not_make_is_named(
    embedded_warehouse: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with prepared(embedded_warehouse, STORY) as (source, database):
        load(FRIDAY)
        embedded_warehouse.execute(f"DROP TABLE {database}.installation")
        embedded_warehouse.execute(f"CREATE TABLE {database}.mine AS {database}.daily_metrics")
        with configured(STORY.now, **configuration(embedded_warehouse, source, database, etl={"table": "mine"})):
            code, out, _ = adopt(capsys)
            assert (code, out.splitlines()[:2]) == (
                1,
                [
                    f"{database}.mine becomes ours: loads replace its rows, day by day.",
                    "The result table changes from daily_metrics to mine.",
                ],
            )


@pytest.mark.parametrize("reload", [False, True])
def test_a_new_source(warehouse: Engine, capsys: pytest.CaptureFixture[str], reload: bool) -> None:
    twice = [*STORY.events.feed, *STORY.events.feed]
    moved = with_events(twice, STORY.events.messages)
    with prepared(warehouse, STORY) as (source, database), fresh_database(warehouse) as other:
        load(FRIDAY, SATURDAY)
        create_source(warehouse, other, moved)
        options = configuration(warehouse, other, database, etl={"start": str(SATURDAY)})
        with configured(STORY.now, **options):
            code, out, err = adopt(capsys, "--yes", *(["--reload"] if reload else []))
            assert (code, err) == (0, "")
            assert f"The source changes from {source}.feed_actions, {source}.message_actions to {other}." in out
            says_so = "Every day since [etl] start is loaded again." if reload else "stay as they are; --reload"
            assert says_so in out
            assert DailyMetrics(date=FRIDAY).complete()  # before [etl] start
            assert DailyMetrics(date=SATURDAY).complete() != reload
            run(DailyMetrics(date=SATURDAY))
            expected = (moved if reload else STORY).expected(SATURDAY)
            assert differences(loaded(warehouse, database, SATURDAY), expected) == {}
            assert not tables.inspect().changed


@pytest.mark.parametrize("answer", ["y", "Yes ", "n", "", "nope"])
def test_a_person_is_asked(
    embedded_warehouse: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    with prepared(embedded_warehouse, STORY) as (source, database):
        tables.open_warehouse()
        with configured(STORY.now, **configuration(embedded_warehouse, source, database, clock={"timezone": "UTC"})):
            code, _, err = adopt(capsys)
            agreed = answer.strip().lower().startswith("y")
            assert (code, err) == ((0, "") if agreed else (1, "Nothing was changed.\n"))
            assert (not tables.inspect().changed) == agreed


def test_a_result_table_of_another_installation_is_refused(
    embedded_warehouse: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with prepared(embedded_warehouse, STORY) as (source, database):
        load(FRIDAY)
        options = configuration(embedded_warehouse, source, database, warehouse={"prefix": "ben_"})
        with configured(STORY.now, **options):
            assert adopt(capsys, "--yes")[::2] == (
                1,
                f"feedpulse adopt: {database}.daily_metrics belongs to another installation, that of "
                f"{database}.installation: set another [etl] table.\n",
            )
            assert not tables.inspect().recorded
        process.reset()
        assert DailyMetrics(date=FRIDAY).complete()


def test_the_result_cannot_have_the_name_of_another_table_of_ours(
    embedded_warehouse: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with prepared(embedded_warehouse, STORY) as (source, database):
        load(FRIDAY)
        with configured(STORY.now, **configuration(embedded_warehouse, source, database, etl={"table": "runs"})):
            code, _, err = adopt(capsys, "--yes")
        assert code == 1
        assert "[etl] table = runs: feedpulse has another table of that name" in err
        assert DailyMetrics(date=FRIDAY).complete()


def test_another_zone(embedded_warehouse: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with prepared(embedded_warehouse, STORY) as (source, database):
        load(FRIDAY)
        options = configuration(embedded_warehouse, source, database, clock={"timezone": "UTC"})
        with configured(STORY.now + timedelta(days=1), **options):
            code, out, _ = adopt(capsys, "--yes")
            assert (code, out.splitlines()[0]) == (0, "The time zone changes from Europe/Moscow to UTC.")
            assert DailyMetrics(date=FRIDAY).complete()


def test_a_run_that_is_killed_before_the_record_changes_nothing_that_matters(
    embedded_warehouse: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with prepared(embedded_warehouse, STORY) as (source, database):
        load(FRIDAY)
        with (
            configured(STORY.now, **configuration(embedded_warehouse, source, database, etl={"table": "mine"})),
            monkeypatch.context() as patch,
        ):
            patch.setattr("pipeline.warehouse.ownership.record", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                main(["adopt", "--yes"])
        process.reset()
        assert not DailyMetrics(date=FRIDAY).complete()  # published again: it would be done without rows otherwise
        load(FRIDAY)
        assert differences(loaded(embedded_warehouse, database, FRIDAY), STORY.expected(FRIDAY)) == {}
    capsys.readouterr()
