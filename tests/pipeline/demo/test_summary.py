"""The demo's list of the posted incidents."""

from pathlib import Path

import pytest

from pipeline.demo.summary import print_incidents
from pipeline.demo.words import ENGLISH

MESSAGES = {
    "alert-1-ctr": "✅ CTR: recovered after 1 h\n\nCTR: 20.0%, expected 20.2% (back to normal)",
    "alert-1-ctr-recovered": "✅ CTR: recovered after 1 h\nCTR: os iOS explains 97%\n\nFriday, 09:30-10:30",
    "alert-2-views": "🔴 Views −50.0%, ongoing for 15 min\n\nViews: 1, expected 2",
}


def test_an_incident_is_printed_once_with_its_replies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for key, text in MESSAGES.items():
        (tmp_path / f"{key}.txt").write_text(text)
    print_incidents(tmp_path, list(MESSAGES), ENGLISH)
    printed = capsys.readouterr().out
    assert printed.partition(f"\n{ENGLISH.replies}\n\n")[2].splitlines() == [
        "    alert-1-ctr",
        "        ✅ CTR: recovered after 1 h",
        "            CTR: os iOS explains 97%",
        "    alert-2-views",
        "        🔴 Views −50.0%, ongoing for 15 min",
    ]
