"""A real server: killed, stopped, restarted, refusing, in another zone, behind TLS."""

import contextlib
import pickle
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from pipeline.core.errors import TerminalError, TransientError, WarehouseError
from pipeline.warehouse.engines import HttpEngine, ServerEngine, probe
from tests.servers.clickhouse import ClickHouseServer


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """A separate server in Tokyo's zone, which these tests kill."""
    with ClickHouseServer(tmp_path_factory.mktemp("mortal") / "server", timezone="Asia/Tokyo") as server:
        yield server


@pytest.fixture(params=["native", "http"])
def warehouse(request: pytest.FixtureRequest, mortal: ClickHouseServer) -> ServerEngine | HttpEngine:
    engine: ServerEngine | HttpEngine = ServerEngine(host=mortal.host, port=mortal.port)
    if request.param == "http":
        engine = HttpEngine(f"http://{mortal.host}:{mortal.http_port}")
    engine.execute("CREATE TABLE IF NOT EXISTS default.t (n UInt64) ENGINE = MergeTree ORDER BY n", idempotent=True)
    engine.execute("TRUNCATE TABLE default.t", idempotent=True)
    return engine


def strike_while_running(
    warehouse: ServerEngine | HttpEngine, strike: Callable[[], None], outcome: Callable[[], object]
) -> list[object]:
    """Call `strike` on the server during `outcome`; return its result or error."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(outcome())
        except TransientError as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    running = "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%processes%'"
    while warehouse.query(running) != [(1,)]:
        time.sleep(0.02)
    strike()
    thread.join()
    return results


def test_a_read_survives_a_restart_in_its_middle(
    mortal: ClickHouseServer, warehouse: ServerEngine | HttpEngine
) -> None:
    sql = "SELECT sum(sleepEachRow(0.5)) + 7 FROM (SELECT number FROM system.numbers LIMIT 3)"
    assert strike_while_running(warehouse, mortal.restart, lambda: warehouse.query(sql)) == [[(7,)]]


def test_a_read_waits_for_a_server_that_comes_back(
    mortal: ClickHouseServer, warehouse: ServerEngine | HttpEngine
) -> None:
    mortal.kill()
    starter = threading.Timer(0.3, mortal.start)
    starter.start()
    assert warehouse.query("SELECT 1") == [(1,)]
    starter.join()


def test_a_write_cut_off_is_not_repeated(mortal: ClickHouseServer, warehouse: ServerEngine | HttpEngine) -> None:
    sql = "INSERT INTO default.t SELECT 1 + sleepEachRow(0.5) FROM (SELECT number FROM system.numbers LIMIT 3)"
    [error] = strike_while_running(warehouse, mortal.restart, lambda: warehouse.execute(sql))
    assert isinstance(error, TransientError)
    assert warehouse.place in str(error)
    assert warehouse.query("SELECT count() FROM default.t") == [(0,)]


def test_an_idempotent_write_cut_off_is_repeated(
    mortal: ClickHouseServer, warehouse: ServerEngine | HttpEngine
) -> None:
    sql = "INSERT INTO default.t SELECT 1 + sleepEachRow(0.5) FROM (SELECT number FROM system.numbers LIMIT 3)"
    assert strike_while_running(warehouse, mortal.restart, lambda: warehouse.execute(sql, idempotent=True)) == [None]
    assert warehouse.query("SELECT count() FROM default.t") == [(3,)]


def test_a_server_that_says_nothing_is_given_up(mortal: ClickHouseServer, warehouse: ServerEngine | HttpEngine) -> None:
    impatient = replace(warehouse, query_timeout_seconds=3)
    sql = "INSERT INTO default.t SELECT 1 + sleepEachRow(0.5) FROM (SELECT number FROM system.numbers LIMIT 3)"
    [error] = strike_while_running(warehouse, mortal.pause, lambda: impatient.execute(sql))
    mortal.resume()
    assert isinstance(error, TransientError)
    assert "query_timeout_seconds" in str(error)
    assert impatient.query("SELECT 1") == [(1,)]


def test_moments_are_utc_whatever_the_zone_of_the_server(warehouse: ServerEngine | HttpEngine) -> None:
    warehouse.execute("DROP TABLE IF EXISTS default.zones", idempotent=True)
    warehouse.execute("CREATE TABLE default.zones (plain DateTime, utc DateTime('UTC')) ENGINE = Memory")
    moment = datetime(2026, 11, 1, 20, 30)
    warehouse.insert("default.zones", {"plain": [moment], "utc": [moment]})
    assert warehouse.query("SELECT plain, utc, toUInt32(plain) = toUInt32(utc) FROM default.zones") == [
        (moment, moment, 1)
    ]
    assert warehouse.query("SELECT toDateTime(%(t)s, 'UTC')", {"t": moment}) == [(moment,)]
    assert b"".join(warehouse.dump("SELECT plain, utc FROM default.zones")) == (
        b"2026-11-02 05:30:00\t2026-11-01 20:30:00\n"
    )


def test_a_wrong_password_is_one_clear_sentence_without_it(clickhouse_server: ClickHouseServer) -> None:
    warehouse = ServerEngine(host=clickhouse_server.host, port=clickhouse_server.port, user="secret")
    assert replace(warehouse, password=clickhouse_server.PASSWORD).query("SELECT 1") == [(1,)]
    for wrong in ("", "Tr0ub4dor"):
        refused = replace(warehouse, password=wrong)
        with pytest.raises(TerminalError, match="FEEDPULSE_CLICKHOUSE_PASSWORD") as caught:
            refused.query("SELECT 1")
        assert "Tr0ub4dor" not in "".join(traceback.format_exception(caught.value)) + repr(refused)
        assert str(caught.value).count("\n") == 1


def test_an_unknown_user_is_named(clickhouse_server: ClickHouseServer) -> None:
    with pytest.raises(TerminalError, match="nobody_here"):
        ServerEngine(host=clickhouse_server.host, port=clickhouse_server.port, user="nobody_here").query("SELECT 1")


def test_a_reader_may_read_and_nothing_else(clickhouse_server: ClickHouseServer) -> None:
    reader = ServerEngine(host=clickhouse_server.host, port=clickhouse_server.port, user="reader")
    assert reader.query("SELECT %(x)s", {"x": "it's"}) == [("it's",)]
    assert [block["number"] for block in reader.stream("SELECT number FROM system.numbers LIMIT 2")] == [(0, 1)]
    with pytest.raises(TerminalError, match="may only read"):
        reader.execute("CREATE TABLE default.nope (n UInt8) ENGINE = Memory")


def test_nobody_at_the_address_names_it_and_the_settings(tmp_path: Path) -> None:
    stopped = ClickHouseServer(tmp_path / "server")
    with pytest.raises(TransientError, match=rf"{stopped.host}:{stopped.port}.*\n.*`host`, `port`"):
        ServerEngine(host=stopped.host, port=stopped.port).query("SELECT 1")


def test_the_port_of_http_is_not_the_native_one(clickhouse_server: ClickHouseServer) -> None:
    warehouse = ServerEngine(clickhouse_server.host, clickhouse_server.http_port, connect_timeout_seconds=0.3)
    with pytest.raises(WarehouseError, match="native"):
        warehouse.query("SELECT 1")


def test_the_port_of_http_is_said(clickhouse_server: ClickHouseServer) -> None:
    for secure in (False, True):
        wrong = ServerEngine(
            clickhouse_server.host, clickhouse_server.http_port, secure=secure, connect_timeout_seconds=0.3
        )
        with pytest.raises(TerminalError, match=r"speaks HTTP.* port 9000, or 9440 with secure = true"):
            wrong.query("SELECT 1")


def test_tls_where_it_is_not_set_and_the_other_way_round(clickhouse_server: ClickHouseServer) -> None:
    plain = ServerEngine(clickhouse_server.host, clickhouse_server.port)
    with pytest.raises(TerminalError, match=r"uses TLS: set secure = true"):
        replace(plain, port=clickhouse_server.secure_port).query("SELECT 1")
    with pytest.raises(TerminalError, match=r"does not use TLS: set secure = false"):
        replace(plain, secure=True).query("SELECT 1")


def test_a_silent_port_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        engine = ServerEngine("127.0.0.1", port, connect_timeout_seconds=0.1)
        with pytest.raises(TransientError, match=rf"127.0.0.1:{port}: no ClickHouse server answers: .*silent"):
            engine.query("SELECT 1")


def test_a_balancer_without_a_server_behind_it_is_not_called_a_port_without_tls() -> None:
    with socket.create_server(("127.0.0.1", 0)) as balancer:
        port = balancer.getsockname()[1]

        def hang_up() -> None:
            with contextlib.suppress(OSError):
                while True:
                    balancer.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        try:
            assert probe.remedy("127.0.0.1", port, secure=True) == ""
            assert probe.remedy("127.0.0.1", port, secure=False) == ""
        finally:
            balancer.shutdown(socket.SHUT_RDWR)


def test_another_host_is_tried(clickhouse_server: ClickHouseServer, tmp_path: Path) -> None:
    stopped = ClickHouseServer(tmp_path / "server")
    alternative = f"{clickhouse_server.host}:{clickhouse_server.port}"
    warehouse = ServerEngine(host=stopped.host, port=stopped.port, alt_hosts=alternative)
    assert warehouse.query("SELECT 1") == [(1,)]
    assert warehouse.place == alternative


def test_a_process_stays_with_the_host_that_answered_it(
    mortal: ClickHouseServer, clickhouse_server: ClickHouseServer
) -> None:
    warehouse = ServerEngine(mortal.host, mortal.port, alt_hosts=f"{clickhouse_server.host}:{clickhouse_server.port}")
    assert warehouse.query("SELECT 1") == [(1,)]
    mortal.kill()
    with pytest.raises(TransientError, match=rf"{mortal.port}: (?s:.*)the next run tries `alt_hosts`"):
        warehouse.query("SELECT 1")
    mortal.start()


def test_a_certificate_is_verified(mortal: ClickHouseServer, clickhouse_server: ClickHouseServer) -> None:
    trusting = ServerEngine(
        host="localhost", port=mortal.secure_port, secure=True, ca_certs=str(mortal.directory / "server.crt")
    )
    assert trusting.query("SELECT 1") == [(1,)]
    with pytest.raises(TerminalError, match=r"(?s)certificate.*ca_certs"):
        replace(trusting, ca_certs="").query("SELECT 1")
    with pytest.raises(TerminalError, match="absent.crt"):
        replace(trusting, ca_certs="absent.crt").query("SELECT 1")
    with pytest.raises(TerminalError, match="secure"):
        replace(trusting, port=mortal.port).query("SELECT 1")


def test_the_repr_and_the_copy_of_a_factory(clickhouse_server: ClickHouseServer) -> None:
    warehouse = ServerEngine(clickhouse_server.host, clickhouse_server.port, "secret", clickhouse_server.PASSWORD)
    assert clickhouse_server.PASSWORD not in repr(warehouse) + str(warehouse)
    assert pickle.loads(pickle.dumps(warehouse)).query("SELECT 1") == [(1,)]
