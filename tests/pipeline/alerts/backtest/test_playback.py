"""Playing a whole day gives the same results as checking it slot by slot."""

from datetime import datetime, timedelta

import numpy as np

from pipeline.alerts.backtest.playback import Playback, silent_since
from pipeline.alerts.detection import evaluate, monitors
from pipeline.alerts.incidents import Incident, advance, current_rules
from pipeline.core import clock
from pipeline.slots import Part, Series
from tests.pipeline.configuration import configured

DAYS = 28
SLOTS = [datetime(2026, 11, 1) + i * clock.SLOT for i in range(96)]
SHARES = {"Android": 0.6, "iOS": 0.4}


def day() -> Series:
    """Views in total and by os: on the last day iOS fails for three hours, and later everything for one."""
    rng = np.random.default_rng(11)
    shape = 400 + 300 * np.sin(np.arange(96) / 96 * 2 * np.pi)
    rates = np.tile(shape, DAYS + 1)
    slices = np.array([rng.poisson(rates * share) for share in SHARES.values()], dtype=float)
    today = DAYS * 96
    slices[1, today + 20 : today + 32] = 0
    slices[:, today + 60 : today + 64] = 0
    numerators = np.vstack([slices.sum(axis=0), slices.sum(axis=0), slices])
    parts = (Part("feed_users"), Part("views"), *(Part("views", "os", value) for value in SHARES))
    return Series(parts, SLOTS[-1], numerators, np.ones_like(numerators), np.arange(numerators.shape[1]))


def test_a_day_ahead_gives_the_same_incidents_as_slot_by_slot() -> None:
    with configured(clock={"timezone": "UTC"}, alerts={"metrics": "feed_users,views", "detector": "seasonal"}):
        rules, series = current_rules(), day()
        played = list(Playback(monitors(), rules).play(series, SLOTS))
        opened: list[Incident] = []
        ended: list[Incident] = []
        for slot, at in zip(SLOTS, played, strict=True):
            adjustments = [item for incident in (*ended, *opened) for item in incident.adjustments()]
            alone = evaluate(series.upto(slot), monitors(), adjustments)
            for ours, theirs in zip(at.evaluation.results.values(), alone, strict=True):
                assert ours.part == theirs.part
                assert ours.verdict == theirs.verdict
                np.testing.assert_allclose(
                    [ours.value, ours.expected, ours.score], [theirs.value, theirs.expected, theirs.score], rtol=1e-9
                )
            moved = advance(opened, alone, slot, rules, silent_since(series.upto(slot)))
            ended += [incident for incident in moved if incident.ended]
            opened = [incident for incident in moved if not incident.ended]
            assert [incident.incident_id for incident in at.incidents] == [incident.incident_id for incident in moved]
    kinds = [
        (notice.kind, SLOTS.index(at.evaluation.series.slot))
        for at in played
        for notice in at.notices
        if notice.kind != "edit"
    ]
    assert [kind for kind, _ in kinds] == ["post", "close", "post", "still silent", "close"]
    (first, recovered, second, silent, _) = (slot for _, slot in kinds)
    assert (first, second, silent) == (20, 60, 63)
    assert recovered >= 31 + 4


def test_a_table_is_silent_since_its_last_row() -> None:
    series = day()
    assert silent_since(series.upto(SLOTS[59])) == {}
    assert silent_since(series.upto(SLOTS[62])) == {"feed": SLOTS[60]}
    assert silent_since(series.upto(SLOTS[64])) == {}


def test_a_series_goes_back_in_time() -> None:
    series = day()
    assert series.upto(SLOTS[10]).numerators.shape[1] == DAYS * 96 + 11
    assert series.upto(SLOTS[-1] + timedelta(hours=5)).slot == SLOTS[-1]
