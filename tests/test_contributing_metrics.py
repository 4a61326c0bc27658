"""CONTRIBUTING.md promises that a metric is one entry: these tests add a count and a ratio and run the real tasks."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.warehouse.engines import EmbeddedEngine
from tests.patience import HANGS_SECONDS

ROOT = Path(__file__).parents[1]
ENTRIES = """
    Metric(
        name="interactions",
        table=FEED,
        slot="count()",
        day="sum(feed_events)",
        day_slice="views + likes",
        label={"en": "Interactions"},
    ),
    Metric(
        name="messages_per_sender",
        numerator="messages_sent",
        denominator="messenger_users",
        unit="per",
        label={"en": "Messages per sender"},
    ),
"""
MINUS = "\N{MINUS SIGN}"

Story = dict[str, Any]


@pytest.fixture(scope="module")
def stories(embedded_warehouse: EmbeddedEngine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Story]:
    """The output of `tests.added_metrics`, run with a copy of the package that has two more metrics."""
    folder = tmp_path_factory.mktemp("added")
    shutil.copytree(ROOT / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / "pipeline" / "core" / "metrics.py"
    before, start, after = file.read_text(encoding="utf-8").partition("METRICS: tuple[Metric, ...] = defined(")
    assert start
    file.write_text(before + start + ENTRIES + after, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("LUIGI_CONFIG_PATH", None)
    done = subprocess.run(
        [sys.executable, "-m", "tests.added_metrics", embedded_warehouse.path, str(folder)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANGS_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Story] = json.loads(done.stdout)
    return found


@pytest.fixture
def ratio(stories: dict[str, Story]) -> Story:
    return stories["ratio"]


@pytest.fixture
def count(stories: dict[str, Story]) -> Story:
    return stories["count"]


def alert(story: Story) -> str:
    (key,) = (key for key in story["messages"] if key.startswith("alert-"))
    assert key in story["pictures"]
    return str(story["messages"][key])


def report(story: Story) -> str:
    assert "daily_report-2026-11-12" in story["pictures"]
    return str(story["messages"]["daily_report-2026-11-12"])


def loss(text: str, label: str) -> int:
    """The number of lost events in an alert."""
    found = re.search(rf"^lost so far: ([\d,]+) {label}$", text, re.MULTILINE)
    assert found is not None, text
    return int(found[1].replace(",", ""))


def fall(now: float, before: float) -> str:
    return f"{MINUS}{100 * (1 - now / before):.1f}%"


def test_both_are_measured_by_slot(ratio: Story, count: Story) -> None:
    assert ratio["newest"][:2] == ratio["source"]
    assert count["newest"][:2] == [count["source"][0], 1]


def test_a_fall_of_the_count_is_alerted_explained_and_costed(count: Story) -> None:
    actual, _, expected = count["newest"]
    text = alert(count)
    assert f"Interactions: {actual}, expected {expected:.0f} ({fall(actual, expected)})" in text
    assert re.search(r"^Interactions: os iOS explains \d+%$", text, re.MULTILINE)
    assert loss(text, "interactions") == pytest.approx(count["missing"], abs=0.51)
    assert count["missing"] >= expected - actual


def test_a_fall_of_the_ratio_is_alerted_explained_split_and_costed_in_its_numerator(ratio: Story) -> None:
    messages, senders, expected = ratio["newest"]
    text = alert(ratio)
    assert f"Messages per sender: {messages / senders:.2f}, expected {expected:.1f} (" in text
    assert fall(messages / senders, expected) in text
    assert re.search(r"^Messages per sender: os iOS explains \d+%$", text, re.MULTILINE)
    sides = rf"messages sent fell \({MINUS}[\d.]+%\), active users, messenger [+{MINUS}][\d.]+%; "
    assert re.search(
        rf"^Messages per sender: {sides}\d+% within slices, {MINUS}?\d+% by their mix$", text, re.MULTILINE
    )
    # At least the loss of the newest slot; at most the generator's: five messages for each that iOS still has.
    assert senders * expected - messages <= loss(text, "messages sent") + 1 <= 5 * ratio["of iOS"][0]


def test_the_report_explains_the_count_by_slices(count: Story) -> None:
    (now, _), (before, _) = count["day"], count["week before"]
    text = report(count)
    assert f"Interactions: {now:,}\nvs yesterday: -; vs last Thursday: {fall(now, before)}\n" in text
    assert re.search(r"^Interactions vs last Thursday: os iOS explains \d+%$", text, re.MULTILINE)


def test_the_report_explains_the_ratio_by_its_two_sides(ratio: Story) -> None:
    (messages, senders), (messages_before, senders_before) = ratio["day"], ratio["week before"]
    now, before = messages / senders, messages_before / senders_before
    text = report(ratio)
    change = f"{MINUS}{before - now:.0f}, {fall(now, before)}"
    assert f"Messages per sender: {now:.0f}\nvs yesterday: -; vs last Thursday: {change}\n" in text
    # Slices of a day have no number of senders, so they are not searched. Half an event is added to each count.
    sides = (
        f"messages sent fell ({fall(messages + 0.5, messages_before + 0.5)}), "
        f"active users, messenger {fall(senders + 0.5, senders_before + 0.5)}"
    )
    assert f"\n\nMessages per sender: {sides}\n\n" in text
    assert "explain" not in text


@pytest.mark.parametrize(("story", "label"), [("count", "Interactions"), ("ratio", "Messages per sender")])
def test_the_week_counts_their_false_alarms(stories: dict[str, Story], story: str, label: str) -> None:
    assert f"false alarms: 1 ({label} 1)" in stories[story]["messages"]["weekly_summary-2026-11-12"]
