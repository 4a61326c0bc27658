from datetime import datetime

import numpy as np
import pytest

from pipeline.checks import check, watches
from pipeline.errors import SettingsError
from pipeline.history import Series
from pipeline.metrics import METRICS
from tests.pipeline.configuration import configured

SLOT = datetime(2026, 11, 1, 10, 0)
WIDTH = 28 * 96


def flat(values: dict[str, float]) -> Series:
    """Four weeks at 1,000 (CTR 0.2 of 1,000), then the given values in the last slot."""
    rows = np.stack([np.full(WIDTH, 0.2 if metric.kind == "ratio" else 1000.0) for metric in METRICS])
    rows += np.sin(np.arange(WIDTH) * 2.3) * rows * 0.01
    denominators = np.stack([np.full(WIDTH, 1000.0 if metric.kind == "ratio" else 1.0) for metric in METRICS])
    for row, metric in enumerate(METRICS):
        rows[row, -1] = values.get(metric.name, rows[row, -96])
    denominators[:, -1] = np.where(np.isnan(rows[:, -1]), np.nan, denominators[:, -1])
    return Series(METRICS, SLOT, rows, denominators, np.arange(WIDTH))


def test_each_metric_gets_its_own_detector_and_direction() -> None:
    with configured(
        alerts={"detector": "sigma"},
        metric__views={"detector": "day_ago"},
        metric__likes={"direction": "up"},
    ):
        checks = {item.metric: item for item in check(flat({"views": 0, "likes": 0, "messages_sent": 0}), watches())}
    assert [metric.name for metric in METRICS] == list(checks)
    assert (checks["views"].detector, checks["views"].verdict) == ("day_ago", "anomaly")
    assert (checks["likes"].detector, checks["likes"].verdict) == ("sigma", "ok")
    assert (checks["messages_sent"].detector, checks["messages_sent"].verdict) == ("sigma", "anomaly")
    assert checks["ctr"].verdict == "ok"


@pytest.mark.parametrize("detector", ["day_ago", "sigma", "iqr", "stl", "seasonal"])
def test_every_detector_of_the_request_can_be_selected(detector: str) -> None:
    with configured(alerts={"detector": detector}):
        checks = {item.metric: item for item in check(flat({"views": 0, "ctr": float("nan")}), watches())}
    assert checks["views"].verdict == "anomaly"
    assert checks["views"].score < -1
    assert checks["views"].lower > 0
    assert checks["ctr"].verdict == "no data"
    assert checks["messages_sent"].verdict == "ok"


def test_a_short_history_is_said_to_be_short() -> None:
    series = flat({})
    series.values[:, : WIDTH - 3] = np.nan
    with configured():
        assert {item.verdict for item in check(series, watches())} == {"no history"}


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"alerts": {"metrics": "views,clicks"}}, "unknown metric clicks; the metrics are feed_users"),
        ({"alerts": {"detector": "oracle"}}, "no detector is called 'oracle'; there are: .*seasonal"),
        ({"metric__ctr": {"detector_params": '{"magic": 1}'}}, "has no parameter 'magic'; it has: "),
        ({"metric__ctr": {"detector_params": "{magic}"}}, r"\[metric.ctr\] detector_params = {magic}: not JSON"),
        ({"alerts": {"detector_params": "[]"}}, "must be a JSON object"),
        ({"metric__ctr": {"direction": "left"}}, "use both, up or down"),
        ({"alerts": {"links": "[1]"}}, "must be a JSON list of texts"),
    ],
)
def test_a_wrong_setting_is_named(sections: dict[str, dict[str, str]], message: str) -> None:
    with configured(**sections), pytest.raises(SettingsError, match=message):
        watches()
