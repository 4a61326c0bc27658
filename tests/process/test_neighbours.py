"""Two people with one database, for two days; ``python -m tests.soak.neighbours`` plays a week."""

from pathlib import Path

import pytest

from tests.soak.neighbours import play


@pytest.mark.long
def test_two_people_with_one_database_change_nothing_of_each_other(tmp_path: Path) -> None:
    report = play(tmp_path, days=2)
    assert report.differences == []
    assert all(count for name, count in report.counts.items() if not name.endswith("incident_actions")), report.counts
