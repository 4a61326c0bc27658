import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from reporting.channels import create
from reporting.channels.outbox.channel import Outbox
from reporting.errors import ChannelError, SettingsError
from reporting.message import Button, Message, escape, shorten
from tests.patience import HANGS_SECONDS
from tests.reporting.samples import HOSTILE, message, png


def keys_on_page(directory: Path) -> list[str]:
    """The messages in the order of the page."""

    class Articles(HTMLParser):
        keys: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "article":
                self.keys.append(dict(attrs)["id"] or "")

    parser = Articles()
    parser.keys = []
    parser.feed((directory / "index.html").read_text())
    return parser.keys


def files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir() if path.name != ".lock"}


def test_a_message_becomes_files_and_an_entry_on_the_page(tmp_path: Path) -> None:
    outbox = create("outbox", path=str(tmp_path / "new" / "box"))
    (address,) = outbox.addresses()
    assert outbox.send(address, message(picture=png(), key="alert-1")) == "alert-1"
    directory = Path(address)
    assert files(directory) == {"alert-1.json", "alert-1.png", "alert-1.txt", "index.html"}
    assert (directory / "alert-1.txt").read_text() == "Likes: 1 < 2\n"
    assert (directory / "alert-1.png").read_bytes() == png()
    page = (directory / "index.html").read_text()
    assert "<b>Likes</b>: 1 &lt; 2" in page
    assert '<img src="alert-1.png" alt="Likes: 1 &lt; 2"' in page


def test_the_default_place() -> None:
    assert create("outbox").addresses() == ["var/outbox"]


def test_the_newest_comes_first_and_the_same_key_replaces(tmp_path: Path) -> None:
    outbox = Outbox(str(tmp_path))
    for key in ("b", "a", "c"):
        outbox.send(str(tmp_path), message(key=key, picture=png()))
    assert keys_on_page(tmp_path) == ["c", "a", "b"]
    outbox.send(str(tmp_path), message(key="b", html="changed"))
    assert keys_on_page(tmp_path) == ["b", "c", "a"]
    assert (tmp_path / "index.html").read_text().count("changed") == 1
    assert "b.png" not in files(tmp_path)


def test_a_link_leads_to_the_message_on_the_page(tmp_path: Path) -> None:
    outbox = Outbox(str(tmp_path / "a b"))
    (address,) = outbox.addresses()
    link = urlsplit(outbox.link(address, outbox.send(address, message(key="k+1"))))
    assert link.scheme == "file"
    assert 'id="k+1"' in Path(unquote(link.path)).read_text()
    assert unquote(link.fragment) == "k+1"


def test_a_damaged_or_foreign_file_does_not_stop_the_page(tmp_path: Path) -> None:
    outbox = Outbox(str(tmp_path))
    outbox.send(str(tmp_path), message(key="good"))
    record = json.loads((tmp_path / "good.json").read_text())
    (tmp_path / "half.json").write_text('{"key": ')
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "evil.json").write_text(json.dumps(record | {"key": "evil", "html": "<script>alert(1)</script>"}))
    (tmp_path / "naive.json").write_text(json.dumps(record | {"key": "naive", "written_at": "2026-11-02T00:00:00"}))
    (tmp_path / "stale.json").write_text(json.dumps(record | {"key": "stale", "written_at": 3}))
    outbox.send(str(tmp_path), message(key="next"))
    assert keys_on_page(tmp_path)[:2] == ["next", "good"]
    assert not {"half", "list", "evil", "stale"} & set(keys_on_page(tmp_path))
    assert "<script" not in (tmp_path / "index.html").read_text()


def test_hostile_values_stay_text(tmp_path: Path) -> None:
    hostile = Message("k", shorten(HOSTILE, 80), f"<b>{escape(HOSTILE)}</b>", png())
    Outbox(str(tmp_path)).send(str(tmp_path), hostile)
    page = (tmp_path / "index.html").read_bytes().decode()
    assert "&lt;b&gt;&amp;amp; $x^2$ &lt;/a&gt;" in page
    assert page.count("<b>") == page.count("</b>") == 1


def test_an_old_page_keeps_only_the_newest_messages(tmp_path: Path) -> None:
    outbox = Outbox(str(tmp_path), keep_days="0")
    outbox.send(str(tmp_path), message(key="m"))
    record = json.loads((tmp_path / "m.json").read_text())
    for index in range(250):
        old = {"key": f"m{index:03}", "written_at": f"2020-01-01T00:{index // 60:02}:{index % 60:02}+00:00"}
        (tmp_path / f"m{index:03}.json").write_text(json.dumps(record | old))
    outbox.send(str(tmp_path), message(key="n"))
    keys = keys_on_page(tmp_path)
    assert keys[:3] == ["n", "m", "m249"]
    assert len(keys) == 200


@pytest.mark.parametrize("place", ["file/below", "/proc/nowhere"])
def test_an_unwritable_place_is_one_clear_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    path = str(tmp_path / place)
    with pytest.raises(ChannelError, match=r"cannot write to .*\. Set `path` in \[outbox\]") as caught:
        Outbox(path).send(path, message())
    assert "\n" not in str(caught.value)


WRITER = """
import sys
from reporting.channels.outbox.channel import Outbox
from reporting.message import Message
path, name = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
for index in range(25):
    Outbox(path).send(path, Message(f"{name}-{index}", name, f"{name} {index}"))
    Outbox(path).send(path, Message("shared", name, f"{name} " * 1000))
"""


def run_together(program: str, directory: Path) -> None:
    """Run `program` in three processes at once, as a, b and c."""
    command = [sys.executable, "-c", program, str(directory)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen([*command, name], **pipes) for name in ("a", "b", "c")]  # type: ignore[call-overload]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=HANGS_SECONDS)
        assert writer.returncode == 0


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    run_together(WRITER, tmp_path)
    expected = {f"{name}-{index}" for name in "abc" for index in range(25)} | {"shared"}
    assert set(keys_on_page(tmp_path)) == expected
    assert len(keys_on_page(tmp_path)) == len(expected)
    words = json.loads((tmp_path / "shared.json").read_text())["html"].split()
    assert len(words) == 1000
    assert len(set(words)) == 1
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".new")]


def page_of(directory: Path) -> str:
    return (directory / "index.html").read_text()


def test_an_edit_rewrites_the_files_and_keeps_what_was_said(tmp_path: Path) -> None:
    outbox, place = Outbox(str(tmp_path)), str(tmp_path)
    outbox.send(place, message("one", png(), key="a"))
    outbox.send(place, message("other", key="b"))
    for text, picture in (("two", png(50, 50)), ("three", png(60, 60))):
        assert outbox.edit(place, "a", message(text, picture, key="a")) == "a"
    assert (tmp_path / "a.txt").read_text() == "three\n"
    assert (tmp_path / "a.png").read_bytes() == png(60, 60)
    assert [version["html"] for version in json.loads((tmp_path / "a.json").read_text())["earlier"]] == ["one", "two"]
    page = page_of(tmp_path)
    assert "2 earlier versions" in page
    assert page.index("three") < page.index("<details>") < page.index(">one<") < page.index(">two<")
    assert keys_on_page(tmp_path) == ["a", "b"]


def test_an_edit_to_what_is_there_already_changes_nothing(tmp_path: Path) -> None:
    outbox, place = Outbox(str(tmp_path)), str(tmp_path)
    same = Message("a", "title", "one", png(), (Button("Acknowledge", "ack"),))
    outbox.send(place, same)
    before = (tmp_path / "a.json").read_bytes()
    assert outbox.edit(place, "a", same) == "a"
    assert (tmp_path / "a.json").read_bytes() == before
    # Other buttons or another picture with the same text do not make a new version.
    outbox.edit(place, "a", Message("a", "title", "one", png(50, 50)))
    record = json.loads((tmp_path / "a.json").read_text())
    assert (record["buttons"], record["earlier"]) == ([], [])
    assert (tmp_path / "a.png").read_bytes() == png(50, 50)


@pytest.mark.parametrize("damage", [None, '{"key": '])
def test_an_edit_of_what_is_not_there_is_a_new_message(tmp_path: Path, damage: str | None) -> None:
    outbox = Outbox(str(tmp_path))
    if damage:
        (tmp_path / "a.json").write_text(damage)
    assert outbox.edit(str(tmp_path), "a", message("two", key="b")) == "b"
    assert keys_on_page(tmp_path) == ["b"]


def test_an_edit_under_another_key_stays_the_same_message(tmp_path: Path) -> None:
    outbox = Outbox(str(tmp_path))
    outbox.send(str(tmp_path), message("one", key="a"))
    assert outbox.edit(str(tmp_path), "a", message("two", key="b")) == "a"
    assert keys_on_page(tmp_path) == ["a"]
    assert files(tmp_path) == {"a.json", "a.txt", "index.html"}


def test_replies_stand_below_their_message_oldest_first(tmp_path: Path) -> None:
    outbox, place = Outbox(str(tmp_path)), str(tmp_path)
    for key in ("a", "b"):
        outbox.send(place, message(f"post {key}", key=key))
    assert outbox.reply(place, "a", message("still down", key="a-2")) == "a-2"
    outbox.reply(place, "a-2", message("it is over", png(), key="a-3"))
    outbox.edit(place, "a", message("post a, changed", key="a"))
    # Messages are sorted by their last edit or reply.
    assert keys_on_page(tmp_path) == ["a", "b"]
    page = page_of(tmp_path)
    order = ["post a, changed", "still down", "it is over", 'src="a-3.png"', "post b"]
    assert sorted(order, key=page.index) == order
    assert 'id="a-2"' in page
    assert "4 messages" in page
    outbox.edit(place, "a-3", message("it is over, corrected", key="a-3"))
    assert keys_on_page(tmp_path) == ["a", "b"]


def test_a_reply_to_what_is_not_there_stands_by_itself(tmp_path: Path) -> None:
    outbox, place = Outbox(str(tmp_path)), str(tmp_path)
    outbox.reply(place, "gone", message("over", key="x"))
    outbox.send(place, message("a", key="a"))
    outbox.reply(place, "a", message("b", key="b"))
    (tmp_path / "a.json").unlink()
    outbox.send(place, message("c", key="c"))
    assert set(keys_on_page(tmp_path)) == {"x", "b", "c"}


def test_buttons_are_labels_that_do_nothing(tmp_path: Path) -> None:
    buttons = (Button("Acknowledge", "ack:1"), Button("<b>&", "x"))
    Outbox(str(tmp_path)).send(str(tmp_path), Message("a", "title", "text", None, buttons))
    page = page_of(tmp_path)
    assert "<li>Acknowledge</li><li>&lt;b&gt;&amp;</li>" in page
    assert "ack:1" not in page
    assert "<button" not in page
    assert Outbox(str(tmp_path)).presses(0).presses == ()


def test_a_message_of_an_earlier_release_is_still_shown_and_edited(tmp_path: Path) -> None:
    old = {"key": "old", "title": "t", "html": "one", "picture": False, "written_at": "2026-11-02T00:00:00+00:00"}
    (tmp_path / "old.json").write_text(json.dumps(old))
    outbox = Outbox(str(tmp_path))
    assert outbox.edit(str(tmp_path), "old", message("two", key="old")) == "old"
    assert "1 earlier version<" in page_of(tmp_path)


def test_a_damaged_life_does_not_stop_the_page(tmp_path: Path) -> None:
    outbox, place = Outbox(str(tmp_path)), str(tmp_path)
    outbox.send(place, message("one", key="a"))
    record = json.loads((tmp_path / "a.json").read_text())
    for index, change in enumerate(
        [
            {"earlier": [{"html": "<script>", "written_at": record["written_at"]}]},
            {"earlier": [{"html": "x", "written_at": 3}]},
            {"earlier": 5},
            {"buttons": ["a\nb"]},
            {"buttons": [5]},
        ]
    ):
        (tmp_path / f"x{index}.json").write_text(json.dumps(record | {"key": f"x{index}"} | change))
    # A message that replies to itself is not a reply.
    (tmp_path / "self.json").write_text(json.dumps(record | {"key": "self", "reply_to": "self"}))
    (tmp_path / "odd.json").write_text(json.dumps(record | {"key": "odd", "reply_to": ["a"]}))
    outbox.reply(place, "a", message("over", key="b"))
    assert set(keys_on_page(tmp_path)) == {"a", "self", "odd"}


EDITOR = """
import sys
from reporting.channels.outbox.channel import Outbox
from reporting.message import Message
path, name = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
for index in range(20):
    Outbox(path).edit(path, "shared", Message("shared", name, f"{name} {index}"))
    Outbox(path).reply(path, "shared", Message(f"{name}-{index}", name, f"{name} {index}"))
"""


def test_processes_that_edit_at_once_forget_no_version(tmp_path: Path) -> None:
    Outbox(str(tmp_path)).send(str(tmp_path), message("first", key="shared"))
    run_together(EDITOR, tmp_path)
    record = json.loads((tmp_path / "shared.json").read_text())
    versions = {version["html"] for version in record["earlier"]} | {record["html"]}
    assert versions == {"first"} | {f"{name} {index}" for name in "abc" for index in range(20)}
    assert page_of(tmp_path).count('<section class="reply"') == 60


def age(directory: Path, key: str, days: float) -> None:
    """Make a message look older."""
    path = directory / f"{key}.json"
    written_at = datetime.now(UTC) - timedelta(days=days)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"written_at": written_at.isoformat()}))


def test_old_messages_are_deleted_with_their_replies(tmp_path: Path) -> None:
    outbox, address = create("outbox", path=str(tmp_path), keep_days="30"), str(tmp_path)
    for key in ("old", "answered", "new"):
        outbox.send(address, message(key=key, picture=png()))
    for key in ("old", "answered"):
        outbox.reply(address, key, message(key=f"{key}-reply", picture=png()))
        age(tmp_path, key, 31)
    age(tmp_path, "old-reply", 30.1)
    age(tmp_path, "answered-reply", 29.9)
    (tmp_path / "notes.txt").write_text("not ours")
    (tmp_path / "notes.json").write_text("{}")
    outbox.send(address, message(key="newest"))
    assert keys_on_page(tmp_path) == ["newest", "new", "answered"]
    messages = {"answered", "answered-reply", "new"}
    pictures = {f"{key}.png" for key in messages}
    records = {f"{key}.{suffix}" for key in messages | {"newest", "notes"} for suffix in ("json", "txt")}
    assert files(tmp_path) == pictures | records | {"index.html"}


def test_a_deletion_that_was_killed_goes_on(tmp_path: Path) -> None:
    outbox, address = Outbox(str(tmp_path), "30"), str(tmp_path)
    for key in ("old", "edited"):
        outbox.send(address, message(key=key, picture=png()))
        (tmp_path / f"{key}.png").unlink()  # and killed here
        age(tmp_path, key, 31)
    outbox.edit(address, "edited", message(key="edited", picture=png()))
    assert keys_on_page(tmp_path) == ["edited"]
    assert files(tmp_path) == {"edited.json", "edited.txt", "edited.png", "index.html"}


def test_an_edit_of_a_deleted_message_is_a_new_message(tmp_path: Path) -> None:
    outbox, address = Outbox(str(tmp_path), "30"), str(tmp_path)
    outbox.send(address, message(key="old"))
    age(tmp_path, "old", 31)
    outbox.send(address, message(key="new"))
    assert outbox.edit(address, "old", message(key="old-again")) == "old-again"
    assert keys_on_page(tmp_path) == ["old-again", "new"]


def test_0_days_keep_all(tmp_path: Path) -> None:
    outbox, address = Outbox(str(tmp_path), "0"), str(tmp_path)
    outbox.send(address, message(key="old"))
    age(tmp_path, "old", 10_000)
    outbox.send(address, message(key="new"))
    assert keys_on_page(tmp_path) == ["new", "old"]


@pytest.mark.parametrize("days", ["", "-1", "1.5", "a year"])
def test_days_to_keep_are_a_number(days: str) -> None:
    with pytest.raises(SettingsError, match="is not a number of days; correct it in"):
        create("outbox", keep_days=days)
