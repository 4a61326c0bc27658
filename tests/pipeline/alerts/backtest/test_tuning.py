"""The lab on the warehouse's own history."""

from collections.abc import Iterator
from configparser import ConfigParser
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from pipeline.__main__ import main
from pipeline.alerts.backtest import replay, tuning
from pipeline.core import clock
from pipeline.core.errors import SettingsError
from pipeline.warehouse import tables
from pipeline.warehouse.engines import Engine
from pipeline.warehouse.tables import SLOT_METRICS, full_name
from tests.pipeline.configuration import configured
from tests.pipeline.etl.running import place

NOW = datetime(2026, 11, 20, 12, 7)
DAYS = 30
# Views with a daily shape and noise; one like for ten views.
HISTORY = """
INSERT INTO {table} (slot, metric, dimension, dimension_value, numerator, denominator)
SELECT toDateTime('2026-11-20 11:45:00', 'UTC') - number * 900 AS slot, metric, 'total', 'all',
    toUInt64(round((if(metric = 'views', 400, 40) + sipHash64(number, metric) % 17)
        * (2 + sin(number * 2 * pi() / 96)))),
    if(metric = 'ctr', toUInt64(round(400 * (2 + sin(number * 2 * pi() / 96)))), 1)
FROM numbers({slots}) ARRAY JOIN ['views', 'ctr'] AS metric
"""


ALERTS = {"metrics": "views,likes,ctr", "recovery_slots": "3"}


def settings_of(warehouse: Engine, database: str) -> dict[str, dict[str, str]]:
    return {
        "clock": {"timezone": "Europe/Moscow"},
        "warehouse": {**place(warehouse), "database": database},
        "alerts": ALERTS,
        "metric__ctr": {"direction": "down"},
    }


# Both engines give the same series, and nothing after `lab.read` depends on the engine.
ON_ONE_ENGINE = pytest.mark.parametrize("warehouse", ["embedded"], indirect=True)


@pytest.fixture
def _history(warehouse: Engine, database: str, tmp_path: Path) -> Iterator[None]:
    with configured(NOW, **settings_of(warehouse, database)):
        # `open_warehouse` creates the tables.
        tables.open_warehouse().execute(HISTORY.format(table=full_name(SLOT_METRICS), slots=DAYS * 96))
        yield


@pytest.mark.usefixtures("_history")
def test_history_comes_as_series_on_the_wall_clock() -> None:
    views, ctr = tuning.read(365)
    assert (views.name, views.kind, views.direction, views.period) == ("views", "count", "both", 96)
    assert (ctr.name, ctr.kind, ctr.direction) == ("ctr", "ratio", "down")
    assert views.values.size == ctr.values.size == DAYS * 96
    assert views.moment(DAYS * 96 - 1) == datetime(2026, 11, 20, 14, 45)  # three hours east of UTC
    assert ctr.denominator is not None
    assert ctr.denominator[-1] == 800
    assert not np.isnan(views.values).any()
    assert tuning.read(2)[0].moment(0) == datetime(2026, 11, 18)  # whole days, and today until now


@ON_ONE_ENGINE
@pytest.mark.usefixtures("_history")
def test_tune_and_replay_with_the_pasted_section_list_the_same_messages(
    warehouse: Engine, database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # An outage of three hours on the 15th, at noon in Moscow.
    warehouse.execute(
        f"INSERT INTO {full_name(SLOT_METRICS)} (slot, metric, dimension, dimension_value, numerator, denominator) "
        "SELECT toDateTime('2026-11-15 09:00:00', 'UTC') + number * 900, 'views', 'total', 'all', 0, 1 FROM numbers(12)"
    )
    arguments = ["tune", "--budget", "5", "--detector", "sigma", "--workers", "1", "--out", str(tmp_path)]
    assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "2 series, 2026-10-21 to 2026-11-20 (Europe/Moscow)" in output
    assert "Sun 2026-11-15 12:15  post: views -100%" in output
    pasted = ConfigParser(interpolation=None)
    pasted.read_string(output.partition("For luigi.cfg:")[2])
    assert pasted["alerts"]["detector"] == "sigma"
    with configured(NOW, **{**settings_of(warehouse, database), "alerts": {**ALERTS, **pasted["alerts"]}}):
        played = replay.play(date(2026, 11, 5), date(2026, 11, 19), "pasted")
    listed = [line for line in output.splitlines() if "  post: " in line or "  close: " in line]
    assert [line[:20] for line in listed] == [
        f"{clock.to_local(heard.slot + clock.SLOT):%a %Y-%m-%d %H:%M}" for heard in played.messages
    ]


@ON_ONE_ENGINE
@pytest.mark.usefixtures("_history")
def test_compare_writes_its_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", "--detector", "sigma", "--detector", "difference", "--workers", "1", "--plots", "1"]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    assert "broken" not in capsys.readouterr().out
    assert "ratio 0.8" in (tmp_path / "report.html").read_text()


@ON_ONE_ENGINE
@pytest.mark.usefixtures("_history")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--detector", "sgima"], "no detector is called 'sgima'"),
        (["--days", "0"], "--days 0: must be 1 or more"),
        (["--days", "12"], "the history is too short"),
    ],
)
def test_a_mistake_is_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["tune", "--budget", "3", "--workers", "1", "--out", str(tmp_path), *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


def test_without_history_it_says_what_to_run(warehouse: Engine, database: str) -> None:
    settings = {"warehouse": {**place(warehouse), "database": database}}
    with configured(NOW, **settings), pytest.raises(SettingsError, match="`feedpulse run Alerts` first"):
        tuning.read(30)
