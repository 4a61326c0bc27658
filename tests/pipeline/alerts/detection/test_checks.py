from datetime import datetime, timedelta
from statistics import NormalDist

import numpy as np
import pytest

from pipeline.alerts.detection import evaluate, monitors
from pipeline.alerts.detection.checks import slice_detector
from pipeline.core.errors import SettingsError
from pipeline.core.metrics import METRICS
from pipeline.slots import Adjustment, Part, Series
from tests.pipeline.configuration import configured

SLOT = datetime(2026, 11, 1, 10, 0)
WIDTH = 28 * 96


def flat(values: dict[str, float]) -> Series:
    """Four weeks at 1,000 (CTR 0.2 of 1,000), then the given values in the last slot."""
    wave = np.sin(np.arange(WIDTH) * 2.3) * 0.01 + 1
    numerators = np.stack([wave * (200.0 if metric.kind == "ratio" else 1000.0) for metric in METRICS])
    denominators = np.stack([np.full(WIDTH, 1000.0 if metric.kind == "ratio" else 1.0) for metric in METRICS])
    for row, metric in enumerate(METRICS):
        numerators[row, -1] = values.get(metric.name, numerators[row, -97])
    denominators[:, -1] = np.where(np.isnan(numerators[:, -1]), np.nan, denominators[:, -1])
    return Series(tuple(Part(metric.name) for metric in METRICS), SLOT, numerators, denominators, np.arange(WIDTH))


def test_each_metric_gets_its_own_detector_and_direction() -> None:
    with configured(
        alerts={"detector": "sigma"},
        metric__views={"detector": "day_ago"},
        metric__likes={"direction": "up"},
    ):
        checks = {
            item.metric: item for item in evaluate(flat({"views": 0, "likes": 0, "messages_sent": 0}), monitors())
        }
    assert [metric.name for metric in METRICS] == list(checks)
    assert (checks["views"].detector, checks["views"].verdict) == ("day_ago", "anomaly")
    assert (checks["likes"].detector, checks["likes"].verdict) == ("sigma", "ok")
    assert (checks["messages_sent"].detector, checks["messages_sent"].verdict) == ("sigma", "anomaly")
    assert checks["ctr"].verdict == "ok"


@pytest.mark.parametrize("detector", ["day_ago", "sigma", "iqr", "stl", "seasonal"])
def test_every_detector_of_the_request_can_be_selected(detector: str) -> None:
    with configured(alerts={"detector": detector}):
        checks = {item.metric: item for item in evaluate(flat({"views": 0, "ctr": float("nan")}), monitors())}
    assert checks["views"].verdict == "anomaly"
    assert checks["views"].score < -1
    assert checks["views"].lower > 0
    assert checks["ctr"].verdict == "no data"
    assert checks["messages_sent"].verdict == "ok"


def test_a_short_history_is_said_to_be_short() -> None:
    series = flat({})
    series.numerators[:, : WIDTH - 3] = np.nan
    with configured():
        assert {item.verdict for item in evaluate(series, monitors())} == {"no history"}


def sliced(shares: dict[str, float], total: float = 2000.0, rates: tuple[float, float] = (1200, 800)) -> Series:
    """Four weeks of views by os, at these rates of Android and iOS with Poisson noise; then the given slot."""
    rng = np.random.default_rng(5)
    counts = np.stack([rng.poisson(rate, WIDTH) for rate in rates]).astype(float)
    counts[:, -1] = [total * shares["Android"], total * shares["iOS"]]
    parts = (Part("views"), Part("views", "os", "Android"), Part("views", "os", "iOS"))
    numerators = np.stack([counts.sum(axis=0), *counts])
    return Series(parts, SLOT, numerators, np.ones_like(numerators), np.arange(WIDTH))


def verdicts(series: Series, adjustments: tuple[Adjustment, ...] = ()) -> dict[str, str]:
    with configured(alerts={"metrics": "views"}):
        return {item.dimension_value: item.verdict for item in evaluate(series, monitors(), adjustments)}


def test_a_slice_that_fails_under_a_healthy_total_is_found() -> None:
    actual = verdicts(sliced({"Android": 0.8, "iOS": 0.2}))
    assert actual == {"all": "ok", "Android": "anomaly", "iOS": "anomaly"}


@pytest.mark.parametrize(("days", "expected"), [(8, "no history"), (13, "no history"), (14, "anomaly")])
def test_slices_are_not_checked_before_their_metric(days: int, expected: str) -> None:
    # Slices ask for fewer days than totals. One of them posted on the ninth day of a source.
    series = sliced({"Android": 0.8, "iOS": 0.2})
    series.numerators[:, : -1 - days * 96] = np.nan
    actual = verdicts(series)
    assert actual.pop("all") == ("no history" if expected == "no history" else "ok")
    assert set(actual.values()) == {expected}


def test_a_slice_that_lowers_a_small_total_is_detected_by_its_missing_events() -> None:
    # The slice has half of 20 a slot. In two slots it has 0 of 20, which is no rare share, but 20 events are missing.
    series = sliced({"Android": 1.0, "iOS": 0.0}, total=10, rates=(10, 10))
    series.numerators[:, -2] = series.numerators[:, -1]
    with configured(alerts={"metrics": "views", "slice_false_alarms": "0.0005"}):
        checks = {item.dimension_value: item for item in evaluate(series, monitors())}
    ios = checks["iOS"]
    assert (checks["all"].verdict, ios.verdict) == ("ok", "anomaly")
    assert ios.value == 0
    assert ios.slot_score >= -1
    assert 5 < ios.expected < 10  # half of the 10 actual events would be 5


def test_what_moves_everything_says_nothing_about_a_slice() -> None:
    assert verdicts(sliced({"Android": 0.6, "iOS": 0.4}, total=1000)) == {
        "all": "anomaly",
        "Android": "ok",
        "iOS": "ok",
    }


def test_a_slice_of_nothing_has_no_share() -> None:
    actual = verdicts(sliced({"Android": 0.6, "iOS": 0.4}, total=0))
    assert actual == {"all": "anomaly", "Android": "no data", "iOS": "no data"}


def test_the_result_of_a_slice_is_in_counts_not_in_shares() -> None:
    with configured(alerts={"metrics": "views"}):
        checks = evaluate(sliced({"Android": 0.8, "iOS": 0.2}), monitors())
    ios = next(item for item in checks if item.dimension_value == "iOS")
    assert ios.value == pytest.approx(400)
    assert ios.expected == pytest.approx(800, rel=0.02)
    assert ios.lower < 800 < ios.upper
    assert ios.change == pytest.approx(-0.5, abs=0.02)


def test_more_slices_make_their_bands_wider() -> None:
    with configured():
        widths = [5 / slice_detector(count).sensitivity for count in (1, 10, 100)]  # type: ignore[attr-defined]
        assert widths == sorted(set(widths))
        # The expected number of false alarms over the slots of a week, both windows, all slices and both sides.
        tail = 2 * (1 - NormalDist().cdf(widths[2]))
        assert tail * 100 * 672 * 2 == pytest.approx(0.1, rel=1e-6)


def test_the_width_of_slices_is_in_standard_deviations() -> None:
    # The share of heads in 10,000 tosses of a coin has a standard deviation of 0.005.
    rng = np.random.default_rng(3)
    of = np.full((1, 15 * 96), 10_000.0)
    shares = rng.binomial(10_000, 0.5, of.shape) / 10_000
    with configured():
        detector = slice_detector(10)
        bounds = detector.detect_last(shares, of)
        sigma = 0.5 / np.sqrt(10_000)
        width = 5 / detector.sensitivity  # type: ignore[attr-defined]
        assert (bounds.upper[0] - bounds.expected[0]) / sigma == pytest.approx(width, rel=0.2)


def test_two_slots_together_detect_what_one_does_not() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(150, WIDTH).astype(float)
    with configured(alerts={"metrics": "views", "detector": "seasonal"}):
        scores = []
        for newest in ([150, 100], [100, 100]):
            counts[-2:] = newest
            table = counts[np.newaxis]
            series = Series((Part("views"),), SLOT, table, np.ones_like(table), np.arange(WIDTH))
            scores.append(evaluate(series, monitors())[0])
    assert scores[0].verdict == "ok"
    assert scores[1].verdict == "anomaly"
    assert abs(scores[1].slot_score) < 1 < abs(scores[1].score)


def test_fewer_events_than_the_minimum_volume_are_no_anomaly() -> None:
    series = flat({"messages_sent": 0})
    series.numerators[:] /= 50
    with configured(alerts={"metrics": "messages_sent", "minimum_volume": "1"}):
        assert [item.verdict for item in evaluate(series, monitors())] == ["anomaly"]
    with configured(alerts={"metrics": "messages_sent"}, metric__messages_sent={"minimum_volume": "21"}):
        assert [item.verdict for item in evaluate(series, monitors())] == ["ok"]


def test_excluded_slots_are_not_learnt_from_and_the_slot_is_still_checked() -> None:
    series = flat({"views": 1000})
    row = [metric.name for metric in METRICS].index("views")
    series.numerators[row, -20:-1] = 10.0
    stretch = Adjustment(Part("views"), SLOT - timedelta(minutes=15 * 19), SLOT + timedelta(minutes=15))
    with configured(alerts={"metrics": "views"}):
        bands = [evaluate(series, monitors(), chosen)[0] for chosen in ((), (stretch,))]
    assert bands[1].value == 1000
    assert abs(bands[1].expected - 1000) < 20
    assert bands[1].verdict == "ok"


def test_a_new_normal_rescales_the_days_before_it() -> None:
    series = flat({"views": 700})
    rebased = Adjustment(Part("views"), datetime.min, SLOT, 0.7)
    with configured(alerts={"metrics": "views"}):
        before, after = (evaluate(series, monitors(), chosen)[0] for chosen in ((), (rebased,)))
    assert (before.verdict, after.verdict) == ("anomaly", "ok")
    assert after.expected == pytest.approx(0.7 * before.expected, rel=1e-6)


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
        (
            {"alerts": {"links": '["https://[bi/{start}"]'}},
            r"\[alerts\] links: https://\[bi/{start}: write a web address",
        ),
        ({"alerts": {"links": '["https:///dashboard"]'}}, "write a web address"),
        ({"alerts": {"links": '["javascript:alert(1)"]'}}, "write a web address"),
        ({"alerts": {"links": '["https://bi.example:port/"]'}}, "write a web address"),
        ({"alerts": {"links": '["https://bi.example/a b"]'}}, "write a web address"),
        ({"metric__ctr": {"links": '["https://bi.example/{start.year}"]'}}, r"only {start} and {end}"),
        ({"metric__ctr": {"links": '["https://bi.example/{0}"]'}}, r"only {start} and {end}"),
    ],
)
def test_a_wrong_setting_is_named(sections: dict[str, dict[str, str]], message: str) -> None:
    with configured(**sections), pytest.raises(SettingsError, match=message):
        monitors()
