from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import DetectorError
from detectors.episodes import episodes


@pytest.mark.parametrize(
    ("flags", "gap", "minimum", "wanted"),
    [
        ("", 1, 1, []),
        ("....", 4, 1, []),
        ("#", 1, 1, [(0, 0)]),
        (".##.#..", 1, 1, [(1, 2), (4, 4)]),
        (".##.#..", 2, 1, [(1, 4)]),
        ("#...#", 3, 1, [(0, 0), (4, 4)]),
        ("#...#", 4, 1, [(0, 4)]),
        ("#...#..###", 2, 2, [(7, 9)]),
        ("#.#", 2, 3, []),
        ("####", 1, 4, [(0, 3)]),
    ],
)
def test_by_hand(flags: str, gap: int, minimum: int, wanted: list[tuple[int, int]]) -> None:
    assert episodes([flag == "#" for flag in flags], gap=gap, minimum=minimum) == wanted


FLAGS = st.lists(st.booleans(), max_size=60)
SMALL = st.integers(1, 5)


@given(FLAGS, SMALL, SMALL)
def test_episodes_are_apart_full_and_complete(flags: list[bool], gap: int, minimum: int) -> None:
    merged = episodes(flags, gap=gap, minimum=minimum)
    for episode in merged:
        assert flags[episode.start]
        assert flags[episode.end]
        assert sum(flags[episode.start : episode.end + 1]) >= minimum
    for episode, other in zip(merged, merged[1:], strict=False):
        assert other.start - episode.end > gap
    if minimum == 1:
        covered = {point for episode in merged for point in range(episode.start, episode.end + 1)}
        assert {point for point, flag in enumerate(flags) if flag} <= covered


@pytest.mark.parametrize("wrong", [{"gap": 0}, {"minimum": 0}])
def test_limits(wrong: dict[str, int]) -> None:
    with pytest.raises(DetectorError, match="must be at least 1, not 0"):
        episodes([True], **wrong)


def test_one_series_at_a_time() -> None:
    with pytest.raises(DetectorError, match=r"shape \(T,\)"):
        episodes([[True]])
