"""The versions of markers: the column's values, and which of two rows is valid."""

import pytest

from pipeline.warehouse.markers import Version, update_id


@pytest.mark.parametrize(
    ("version", "number"), [(Version(), 0), (Version(0, 1), 1), (Version(1, 0), 1_048_576), (Version(3, 2), 3_145_730)]
)
def test_a_warehouse_of_an_earlier_release_keeps_its_versions(version: Version, number: int) -> None:
    assert version.encode() == number
    assert Version.decode(number) == version


def test_an_invalidation_beats_every_load_that_began_before_it() -> None:
    assert Version(1, 0) > Version(0, 1000)
    assert Version(1, 0).encode() > Version(0, 1000).encode()
    assert Version(1, 1).encode() > Version(1, 0).encode()


def test_ids_of_an_earlier_release_are_kept() -> None:
    assert update_id("daily_metrics", "2026-11-01") == "daily_metrics:2026-11-01:v1"
    assert update_id("slice_day", "2026-11-01", "os") == "slice_day:2026-11-01:os:v1"
