"""The owner process: always one, killed and started at any time; no write is lost or half done."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.core.errors import TerminalError, TransientError, WarehouseError
from pipeline.warehouse.engines import EmbeddedEngine, embedded
from tests.conftest import end_owner, owners
from tests.patience import HANGS_SECONDS

CLIENT = """
import sys, warnings
warnings.simplefilter("ignore")
from pipeline.warehouse.engines import EmbeddedEngine
warehouse = EmbeddedEngine(sys.argv[1])
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[EmbeddedEngine]:
    """A separate embedded directory for a test, with an empty table."""
    warehouse = EmbeddedEngine(str(tmp_path / "warehouse"))
    warehouse.execute("CREATE TABLE default.t (n UInt64) ENGINE = MergeTree ORDER BY n")
    yield warehouse
    end_owner(warehouse)


def client(warehouse: EmbeddedEngine, code: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", CLIENT + code, warehouse.path])


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + HANGS_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def is_running(warehouse: EmbeddedEngine, text: str) -> bool:
    sql = "SELECT count() FROM system.processes WHERE position(query, %(text)s) > 0 AND query NOT LIKE '%%processes%%'"
    return warehouse.query(sql, {"text": text}) == [(1,)]


def kill_while_running(warehouse: EmbeddedEngine, text: str, outcome: Callable[[], object]) -> list[object]:
    """Kill the owner during `outcome`; return its result or error."""
    outcomes: list[object] = []

    def run() -> None:
        try:
            outcomes.append(outcome())
        except TransientError as error:
            outcomes.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(lambda: is_running(warehouse, text))
    end_owner(warehouse)
    thread.join()
    return outcomes


def test_a_kill_between_statements_loses_nothing(own: EmbeddedEngine) -> None:
    for number in range(3):
        own.insert("default.t", {"n": [number]})
        end_owner(own)
    assert own.query("SELECT n FROM default.t ORDER BY n") == [(0,), (1,), (2,)]


def test_a_read_survives_the_death_of_the_owner(own: EmbeddedEngine) -> None:
    sql = "SELECT sum(sleepEachRow(0.5)) + 7 FROM numbers(3)"
    assert kill_while_running(own, "sleepEachRow", lambda: own.query(sql)) == [[(7,)]]


def test_a_write_whose_owner_dies_is_not_repeated(own: EmbeddedEngine) -> None:
    sql = "INSERT INTO default.t SELECT 1 + sleepEachRow(0.5) FROM numbers(3)"
    [error] = kill_while_running(own, "sleepEachRow", lambda: own.execute(sql))
    assert isinstance(error, TransientError)
    assert own.path in str(error)
    assert own.query("SELECT count() FROM default.t") == [(0,)]


def test_an_owner_that_is_stopped_is_named(own: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_LOOK_SECONDS", 0.2)
    [process] = owners(own)
    threading.Timer(0.5, os.kill, (process, signal.SIGSTOP)).start()
    with pytest.raises(TransientError, match=f"process {process} is stopped: continue it with `kill -CONT {process}`"):
        own.execute("INSERT INTO default.t SELECT 1 + sleepEachRow(0.5) FROM numbers(6)")
    os.kill(process, signal.SIGCONT)
    assert own.query("SELECT 1") == [(1,)]


def test_links_in_the_data_directory_are_not_followed(own: EmbeddedEngine, tmp_path: Path) -> None:
    for name in ("owner.log", "owner.lock"):
        end_owner(own)
        precious = tmp_path / "precious"
        precious.write_text("precious")
        Path(own.path, name).unlink()
        Path(own.path, name).symlink_to(precious)
        with pytest.raises(WarehouseError):
            EmbeddedEngine(own.path)._execute("SELECT 1", "")
        assert precious.read_text() == "precious"
        Path(own.path, name).unlink()


def test_an_idempotent_write_whose_owner_dies_is_repeated(own: EmbeddedEngine) -> None:
    sql = "INSERT INTO default.t SELECT 1 + sleepEachRow(0.5) FROM numbers(3)"
    assert kill_while_running(own, "sleepEachRow", lambda: own.execute(sql, idempotent=True)) == [None]
    assert own.query("SELECT count() FROM default.t") == [(3,)]


def test_processes_that_start_at_once_share_one_owner(tmp_path: Path) -> None:
    warehouse = EmbeddedEngine(str(tmp_path / "warehouse"))
    code = "warehouse.execute('CREATE TABLE IF NOT EXISTS default.t (n UInt64) ENGINE = MergeTree ORDER BY n')\n"
    code += "for n in range(5): warehouse.insert('default.t', {'n': [n]})"
    clients = [client(warehouse, code) for _ in range(3)]
    assert [process.wait() for process in clients] == [0, 0, 0]
    assert len(owners(warehouse)) == 1
    assert warehouse.query("SELECT count(), sum(n) FROM default.t") == [(15, 30)]
    end_owner(warehouse)


def test_owners_may_come_and_go_under_load(tmp_path: Path) -> None:
    warehouse = EmbeddedEngine(str(tmp_path / "warehouse"), idle_seconds=0)
    warehouse.execute("CREATE TABLE default.t (n UInt64) ENGINE = MergeTree ORDER BY n", idempotent=True)
    failures: list[Exception] = []

    def write(start: int) -> None:
        for number in range(start, start + 8):
            try:
                warehouse.insert("default.t", {"n": [number]})
            except Exception as error:
                failures.append(error)
            time.sleep(0.05 * (number % 4))

    threads = [threading.Thread(target=write, args=(100 * start,)) for start in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert warehouse.query("SELECT count(), uniqExact(n) FROM default.t") == [(24, 24)]
    end_owner(warehouse)


def test_a_starter_with_a_pipe_returns_although_the_owner_stays(tmp_path: Path) -> None:
    warehouse = EmbeddedEngine(str(tmp_path / "warehouse"), idle_seconds=600)
    code = CLIENT.replace("(sys.argv[1])", "(sys.argv[1], idle_seconds=600)") + "print(warehouse.query('SELECT 1'))"
    done = subprocess.run([sys.executable, "-c", code, warehouse.path], capture_output=True, text=True, check=True)
    assert done.stdout == "[(1,)]\n"
    assert len(owners(warehouse)) == 1
    end_owner(warehouse)


def test_the_owner_is_a_stranger_to_its_starter(own: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    end_owner(own)
    monkeypatch.setenv("FEEDPULSE_CLICKHOUSE_PASSWORD", "s3cret")
    own.query("SELECT 1")
    [process] = owners(own)
    assert b"s3cret" not in Path(f"/proc/{process}/environ").read_bytes()
    assert os.getsid(process) == os.getpgid(process) != os.getsid(0)
    assert {os.readlink(f"/proc/{process}/fd/{fd}") for fd in (1, 2)} == {f"{own.path}/owner.log"}


def test_it_ends_when_idle_and_leaves_no_socket(tmp_path: Path) -> None:
    warehouse = EmbeddedEngine(str(tmp_path / "warehouse"), idle_seconds=0.1)
    warehouse.query("SELECT 1")
    wait_for(lambda: not owners(warehouse))
    assert not (tmp_path / "warehouse" / "owner.sock").exists()
    assert warehouse.query("SELECT 2") == [(2,)]
    wait_for(lambda: not owners(warehouse))


def test_a_long_statement_keeps_the_owner_and_does_not_hold_up_others(own: EmbeddedEngine) -> None:
    brief = EmbeddedEngine(own.path, idle_seconds=0.1)
    end_owner(own)
    results: list[object] = []
    thread = threading.Thread(
        target=lambda: results.append(brief.query("SELECT sum(sleepEachRow(1)) + 3 FROM numbers(2)"))
    )
    thread.start()
    wait_for(lambda: is_running(brief, "sleepEachRow"))
    assert not results
    thread.join()
    assert results == [[(3,)]]


def test_a_statement_whose_client_is_gone_is_stopped(own: EmbeddedEngine) -> None:
    forever = client(own, "warehouse.query('SELECT count() FROM system.numbers WHERE sipHash64(number) = 1')")
    wait_for(lambda: is_running(own, "sipHash64"))
    forever.kill()
    forever.wait()
    wait_for(lambda: not is_running(own, "sipHash64"))


def test_an_insert_whose_client_dies_leaves_nothing(own: EmbeddedEngine) -> None:
    code = (
        "from pipeline.warehouse.engines import native\n"
        "write = native.write\n"
        "def dying(*arguments):\n"
        "    yield next(write(*arguments))\n"
        "    import os; os._exit(9)\n"
        "native.write = dying\n"
        "warehouse.insert('default.t', {'n': list(range(200_000))})\n"
    )
    assert client(own, code).wait() == 9
    assert own.query("SELECT count() FROM default.t") == [(0,)]


def test_a_long_path_works_and_spellings_of_it_share_one_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / ("d" * 100) / ("ж" * 60)
    warehouse = EmbeddedEngine(str(directory))
    warehouse.execute("CREATE TABLE default.t (n UInt64) ENGINE = Memory")
    (tmp_path / "link").symlink_to(directory)
    monkeypatch.chdir(tmp_path)
    for spelling in ("link", f"{'d' * 100}/../{'d' * 100}/{'ж' * 60}/"):
        assert EmbeddedEngine(spelling).query("SELECT count() FROM default.t") == [(0,)]
    assert len(owners(warehouse)) == 1
    end_owner(warehouse)


def test_only_this_user_may_open_what_it_makes(own: EmbeddedEngine) -> None:
    assert Path(own.path).stat().st_mode & 0o077 == 0
    assert (Path(own.path) / "owner.sock").stat().st_mode & 0o077 == 0


def test_a_directory_removed_under_the_owner_is_made_anew(own: EmbeddedEngine) -> None:
    [first] = owners(own)
    shutil.rmtree(own.path)
    assert own.query("EXISTS TABLE default.t") == [(0,)]
    os.kill(first, signal.SIGKILL)
    assert own.query("SELECT 1") == [(1,)]


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "warehouse"):
        with pytest.raises(TerminalError, match="file.*cannot use this directory"):
            EmbeddedEngine(str(path)).query("SELECT 1")


def test_a_directory_that_another_program_holds_is_named(own: EmbeddedEngine) -> None:
    end_owner(own)
    code = "import sys; from chdb.session import Session; s = Session(sys.argv[1]); print(1, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, own.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(TerminalError, match="another program") as caught:
            own.query("SELECT 1")
        assert own.path in str(caught.value)
        holder.kill()
    wait_for(lambda: not owners(own))
    assert own.query("SELECT 1") == [(1,)]


def test_without_chdb_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "chdb", None)  # Python then refuses to import the module
    with pytest.raises(TerminalError, match=r"pip install 'feedpulse\[embedded\]'"):
        EmbeddedEngine(str(tmp_path / "warehouse")).query("SELECT 1")
