import json
import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from reporting.channels.base import create
from reporting.channels.outbox import Outbox
from reporting.errors import ChannelError
from reporting.message import Message, escape, shorten
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
    outbox = Outbox(str(tmp_path))
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
from reporting.channels.outbox import Outbox
from reporting.message import Message
path, name = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
for index in range(25):
    Outbox(path).send(path, Message(f"{name}-{index}", name, f"{name} {index}"))
    Outbox(path).send(path, Message("shared", name, f"{name} " * 1000))
"""


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen([*command, name], **pipes) for name in ("a", "b", "c")]  # type: ignore[call-overload]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    expected = {f"{name}-{index}" for name in "abc" for index in range(25)} | {"shared"}
    assert set(keys_on_page(tmp_path)) == expected
    assert len(keys_on_page(tmp_path)) == len(expected)
    words = json.loads((tmp_path / "shared.json").read_text())["html"].split()
    assert len(words) == 1000
    assert len(set(words)) == 1
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".new")]
