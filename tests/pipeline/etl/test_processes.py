"""Loads of a day by Luigi's own command, in separate processes."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pipeline
from pipeline.warehouse.engines import Engine
from tests.patience import HANGS_SECONDS
from tests.pipeline.etl.running import (
    create_source,
    differences,
    fresh_database,
    loaded,
    scratch_tables,
    write_configuration,
)
from tests.pipeline.etl.stories import FRIDAY, STORY
from tests.pipeline.reference import Day

CASE = replace(STORY, attribute_days=1)


@contextmanager
def source_and_configuration(warehouse: Engine, folder: Path) -> Iterator[str]:
    """Create the case's source and a luigi.cfg in the folder; yield the name of the result's database."""
    with fresh_database(warehouse) as source_database, fresh_database(warehouse) as database:
        create_source(warehouse, source_database, CASE)
        options = CASE.configuration(warehouse, source_database, database)
        options["clock"]["now"] = CASE.now.isoformat()
        write_configuration(folder / "luigi.cfg", options)
        yield database


def start(folder: Path, family: str, *arguments: str) -> subprocess.Popen[str]:
    """Start luigi's command in a folder with a luigi.cfg."""
    command = [sys.executable, "-m", "luigi", "--module", "pipeline", family, "--local-scheduler", "--no-lock"]
    environment = {name: value for name, value in os.environ.items() if name != "LUIGI_CONFIG_PATH"}
    return subprocess.Popen(
        [*command, *arguments], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a process, which must succeed."""
    output, _ = process.communicate(timeout=HANGS_SECONDS)
    assert process.returncode == 0, output
    assert re.search(r" INFO: (DailyMetrics|SlotMetrics): .* s$", output.splitlines()[-1]), output


def test_two_commands_at_once_load_the_same_day(warehouse: Engine, tmp_path: Path) -> None:
    with source_and_configuration(warehouse, tmp_path) as database:
        both = [start(tmp_path, "DailyMetrics", "--date", str(FRIDAY), "--workers", "2") for _ in range(2)]
        for process in both:
            finish(process)
        assert differences(loaded(warehouse, database, FRIDAY), CASE.expected(FRIDAY)) == {}
        assert scratch_tables(warehouse, database) == []


def edited_copy(folder: Path, file: str, before: str, line: str) -> None:
    """Copy the package into a folder, with one more line in one file."""
    package = shutil.copytree(
        Path(pipeline.__file__).parent, folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__")
    )
    text = (package / file).read_text(encoding="utf-8")
    assert text.count(before) == 1
    (package / file).write_text(text.replace(before, f"{before}\n{line}"), encoding="utf-8")


def test_dimension_is_added_in_one_place(warehouse: Engine, tmp_path: Path) -> None:
    edited_copy(
        tmp_path,
        "core/dimensions.py",
        "\nDIMENSIONS: tuple[Dimension, ...] = (",
        """Dimension(name="city", column="city", daily=True, event_value="city"),""",
    )
    with source_and_configuration(warehouse, tmp_path) as database:
        finish(start(tmp_path, "DailyMetrics", "--date", str(FRIDAY)))
        actual = loaded(warehouse, database, FRIDAY).slices
        slots = slots_of(warehouse, database, tmp_path, "dimension = 'city' AND metric = 'messages_sent'")
    expected = CASE.expected(FRIDAY).slices
    assert {name: values for name, values in actual.items() if name[0] != "city"} == expected
    # Users 1 and 4 wrote from Moscow; user 5 only received.
    assert actual["city", "Moscow"] == (2, 1, 1, 3, 1, 2)
    assert actual["city", "unknown"] == (0, 0, 2, 0, 1, 0)
    assert slots == [("Moscow", 3)]


def test_metric_is_added_in_one_place(warehouse: Engine, tmp_path: Path) -> None:
    edited_copy(
        tmp_path,
        "core/metrics.py",
        "METRICS: tuple[Metric, ...] = defined(",
        'Metric(name="addressees", table=MESSAGES, slot="uniqExact(user_id)", day="sum(users_sent)"),',
    )
    with source_and_configuration(warehouse, tmp_path) as database:
        finish(start(tmp_path, "DailyMetrics", "--date", str(FRIDAY)))
        actual = loaded(warehouse, database, FRIDAY).totals
        slots = slots_of(warehouse, database, tmp_path, "dimension = 'total' AND metric = 'addressees'")
    assert actual == CASE.expected(FRIDAY).totals | {"addressees": (2, 1)}
    assert slots == [("all", 2)]


def slots_of(warehouse: Engine, database: str, folder: Path, where: str) -> list[tuple[str, int]]:
    """Measure the story's slot on Friday at noon."""
    finish(start(folder, "SlotMetrics", "--slot", "2026-11-06T0900"))  # and the later slots, which were missed
    rows = warehouse.query(
        f"SELECT dimension_value, numerator FROM {database}.slot_metrics FINAL "
        f"WHERE slot = toDateTime('2026-11-06 09:00:00', 'UTC') AND {where}"
    )
    return [(value, number) for value, number in rows]


def test_missing_source_is_a_failure_of_the_command(warehouse: Engine, tmp_path: Path) -> None:
    with source_and_configuration(warehouse, tmp_path) as database:
        options = CASE.configuration(warehouse, "absent", database)
        write_configuration(tmp_path / "luigi.cfg", options | {"retcode": {"task_failed": "30"}})
        process = start(tmp_path, "DailyMetrics", "--date", str(FRIDAY))
        output, _ = process.communicate(timeout=HANGS_SECONDS)
        assert process.returncode == 30, output
        assert "source table absent.feed_actions does not exist" in output
        assert loaded(warehouse, database, FRIDAY) == Day({}, {}, {})
