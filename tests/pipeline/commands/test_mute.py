"""`feedpulse mute`: what it records, prints and refuses, and what `feedpulse status` shows of it."""

from datetime import timedelta

import pytest

from pipeline.alerts.incidents import store
from pipeline.alerts.incidents.store import RecordedPress
from pipeline.commands.main import main
from pipeline.core import clock
from tests.pipeline.commands.test_status import NEWEST, NOW, Place, healthy, incident, place
from tests.pipeline.configuration import configured

__all__ = ["healthy", "place"]

pytestmark = pytest.mark.one_engine("server")


def mute(place: Place, *arguments: str) -> tuple[int, str, str]:
    """Run the command with the configuration that a status has written."""
    place.run()
    with configured():
        code = main(["mute", *arguments])
    out, err = place.capsys.readouterr()
    return code, out, err


def test_a_metric_is_muted_shown_and_unmuted(healthy: Place) -> None:
    with healthy.inside():
        store.save_incidents([incident()], NEWEST)
    page = healthy.directory / "page"
    healthy.sections["status"] = {"path": str(page)}
    why = "release of the feed"
    code, out, _ = mute(healthy, "views", "--for", "1h30m", "--why", why, "--by", "anna")
    assert (code, out) == (0, f"views: muted until 2026-11-12 14:01 by anna: {why}\n")
    assert (
        f'<td class="when">14:01</td><td class="said"></td><td class="said">{why}</td>'
        in (page / "index.html").read_text()
    )
    found = healthy.json()
    assert found["mutes"] == [{"metric": "views", "until": "2026-11-12T11:01:00Z", "by": "anna", "why": why}]
    assert (found["well"], found["incidents"][0]["muted_until"]) == (True, "2026-11-12T11:01:00Z")
    _, out = healthy.run()
    assert f"muted     views until 14:01 by anna ({why})" in out
    assert f"muted until 14:01 by anna ({why})" in out
    # A shorter one changes nothing; an unmute ends all.
    assert mute(healthy, "views", "--for", "5m")[1] == f"views: muted until 2026-11-12 14:01 by anna: {why}\n"
    with healthy.inside():
        press = RecordedPress(7, "mute", incident().incident_id, "Boris", NOW)
        store.save_presses("telegram:1", [press])
    assert mute(healthy, "views", "--off", "--by", "Vera") == (0, "views: not muted\n", "")
    assert why not in (page / "index.html").read_text()
    found = healthy.json()
    assert (found["mutes"], found["incidents"][0]["muted_until"]) == ([], None)
    with healthy.inside():
        said = store.load_state(NEWEST + clock.SLOT)
        (shown,) = said.current
        # Each person's last mute and unmute, on the message of the incident.
        kinds = [(action.kind, action.person, action.why) for action in said.about(shown)]
        assert ("mute", "anna", why) in kinds
        assert kinds[-1] == ("unmute", "Vera", "")
        assert {action.end - action.at for action in said.about(shown) if action.person == "anna"} == {
            timedelta(minutes=90)
        }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["sessions"], "sessions is not one of [alerts] metrics: feed_users, "),
        (["views", "--for", "0m"], "at most 28 days"),
        (["views", "--for", "29d"], "at most 28 days"),
        (["views", "--for", "99999999999d"], "at most 28 days"),
    ],
)
def test_what_cannot_be_muted_is_refused(healthy: Place, arguments: list[str], says: str) -> None:
    code, out, err = mute(healthy, *arguments)
    assert (code, out) == (1, "")
    assert says in err


@pytest.mark.parametrize("length", ["", "soon", "4", "4 h", "-4h", "h"])
def test_a_length_that_cannot_be_read_is_wrong_usage(healthy: Place, length: str) -> None:
    healthy.run()
    with pytest.raises(SystemExit) as stopped:
        main(["mute", "views", f"--for={length}"])
    assert stopped.value.code == 2
    assert "write it as 90m, 4h or 1d12h" in healthy.capsys.readouterr().err


def test_a_status_of_a_warehouse_of_an_earlier_release_shows_presses(healthy: Place) -> None:
    with healthy.inside():
        store.save_incidents([incident()], NEWEST)
        press = RecordedPress(7, "mute", incident().incident_id, "Anna", NOW - timedelta(minutes=10))
        store.save_presses("telegram:1", [press])
    for column in ("metric", "until", "why"):
        healthy.engine.execute(f"ALTER TABLE {healthy.database}.incident_actions DROP COLUMN {column}")
    found = healthy.json()
    assert found["incidents"][0]["muted_until"] == "2026-11-12T11:21:00Z"
    assert found["mutes"][0]["by"] == "Anna"
