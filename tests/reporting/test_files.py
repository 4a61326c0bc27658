"""Files and locks in directories that other users may write to, or try to."""

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reporting import files
from reporting.channels.outbox import Outbox
from reporting.errors import LockHeldError, UnsafePathError
from tests.reporting.samples import message

OTHER_USER = 12345
HOLD = """
import sys
from pathlib import Path
from reporting.files import locked
sys.argv = ["feedpulse", "run", "Alerts", "--password=secret", "--token", "secret"]
with locked(Path(sys.stdin.readline().strip())):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(params=[0o000, 0o022, 0o277])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_lock_is_of_its_user_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    folder = tmp_path / "locks"
    files.make_private(folder)
    with files.locked(folder / "a.lock"):
        assert (mode(folder), mode(folder / "a.lock")) == (0o700, 0o600)


def test_what_an_earlier_version_made_becomes_private(tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    folder.mkdir()
    folder.chmod(0o775)
    (folder / "a.lock").touch()
    (folder / "a.lock").chmod(0o664)
    files.make_private(folder)
    with files.locked(folder / "a.lock"):
        assert (mode(folder), mode(folder / "a.lock")) == (0o700, 0o600)


def test_a_directory_in_which_others_may_replace_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    tmp_path.chmod(0o775)
    with pytest.raises(UnsafePathError, match=f"chmod go-w {tmp_path}"):
        files.make_private(tmp_path)
    tmp_path.chmod(0o1777)  # as /tmp
    files.make_private(tmp_path)
    assert mode(tmp_path) == 0o1777
    tmp_path.chmod(0o755)
    files.make_private(tmp_path)
    assert mode(tmp_path) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_another_user_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    folder.mkdir()
    (folder / "a.lock").touch()
    os.chown(folder / "a.lock", OTHER_USER, -1)
    with (
        pytest.raises(UnsafePathError, match=r"a\.lock is not a lock file of this user"),
        files.locked(folder / "a.lock"),
    ):
        pass
    os.chown(folder, OTHER_USER, -1)
    with pytest.raises(UnsafePathError, match=f"belongs to another user .uid {OTHER_USER}."):
        files.make_private(folder)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_planted_lock_does_not_touch_the_file_that_it_leads_to(
    tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    (tmp_path / "precious").write_text("precious")
    link(tmp_path / "precious", tmp_path / ".lock")
    with pytest.raises(UnsafePathError, match="remove it"):
        Outbox(str(tmp_path)).send(str(tmp_path), message())
    assert (tmp_path / "precious").read_text() == "precious"


def test_planted_links_do_not_lead_messages_elsewhere(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    box = tmp_path / "box"
    box.mkdir()
    names = ["index.html", *(f"{message().key}.{suffix}" for suffix in ("json", "txt"))]
    for name in names:
        (box / name).symlink_to(precious)
        (box / f".{name}.new").symlink_to(precious)
    Outbox(str(box)).send(str(box), message())
    assert precious.read_text() == "precious"
    assert not any((box / name).is_symlink() for name in names)


def test_a_killed_writer_leaves_nothing_after_the_next_message(tmp_path: Path) -> None:
    (tmp_path / ".index.html.0123456789abcdef.new").write_text("half")
    Outbox(str(tmp_path)).send(str(tmp_path), message())
    assert not list(tmp_path.glob("*.new")) + list(tmp_path.glob(".*.new"))


def test_a_file_that_cannot_be_replaced_stays(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    with pytest.raises(OSError, match="directory"):
        files.replace(tmp_path / "page", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds `tmp_path`/a.lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{tmp_path / 'a.lock'}\n")
        process.stdin.flush()
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_waiting_for_a_stopped_holder_ends_and_names_it(
    tmp_path: Path, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LONGEST_WAIT_SECONDS", 0.2)
    holder.send_signal(signal.SIGSTOP)
    with pytest.raises(LockHeldError) as refused, files.locked(tmp_path / "a.lock"):
        pass
    assert f"process {holder.pid} (feedpulse run Alerts) since 20" in str(refused.value)
    assert "secret" not in str(refused.value)
    holder.kill()  # the system releases the lock
    holder.wait()
    with files.locked(tmp_path / "a.lock"):
        assert f"process {os.getpid()} " in (tmp_path / "a.lock").read_text()


def test_a_lock_that_is_released_in_time_is_taken(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    timer = threading.Timer(0.2, holder.kill)
    timer.start()
    with files.locked(tmp_path / "a.lock"):
        assert holder.wait() == -signal.SIGKILL
    timer.join()
