"""A server by HTTP and HTTPS: its address, its login, its certificate, and what a proxy does to answers."""

import re
import socket
import subprocess
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pipeline.core import settings
from pipeline.core.errors import TerminalError, TransientError
from pipeline.core.process import reset
from pipeline.warehouse import connections
from pipeline.warehouse.engines import HttpEngine, base, native
from tests.pipeline.configuration import configured
from tests.servers.clickhouse import ClickHouseServer
from tests.servers.http_canned import OF_CLICKHOUSE, Canned, answer, chunked
from tests.servers.http_proxy import CuttingProxy

ONE = b"".join(native.write([("1", "UInt8")], [[1]]))
PAGE = b"<html><head><style>p {}</style></head><body><h1>Sign in</h1>\n<p>here</p></body></html>"
HTML = {"Content-Type": "text/html"}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is repeated, and no connection waits longer than a test."""
    monkeypatch.setattr(base, "RETRY_PAUSES_SECONDS", ())
    yield
    reset()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://ch.example", ("ch.example", 80, False)),
        ("https://ch.example", ("ch.example", 443, True)),
        ("HTTPS://CH.example:8443/clickhouse/", ("ch.example", 8443, True)),
        ("http://[::1]:8123/a/b%%20c", ("::1", 8123, False)),
    ],
)
def test_urls_of_servers(url: str, address: tuple[str, int, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEEDPULSE_SOURCE_PASSWORD", "word")
    with configured(source={"engine": "http", "url": url, "user": "anna"}):
        settings.check()
        engine = connections.source()
    assert isinstance(engine, HttpEngine)
    assert (engine.address, engine.user, engine.password) == (address, "anna", "word")


# Login.


@pytest.mark.parametrize("name", ClickHouseServer.LOCAL_PASSWORDS)
def test_any_user_and_password_log_in(
    clickhouse_server: ClickHouseServer, http_warehouse: HttpEngine, name: str
) -> None:
    engine = replace(http_warehouse, user=name, password=ClickHouseServer.LOCAL_PASSWORDS[name])
    assert engine.query("SELECT 1") == [(1,)]
    with pytest.raises(TerminalError, match="FEEDPULSE_CLICKHOUSE_PASSWORD") as refused:
        replace(engine, password=engine.password.strip(" ") + "x").query("SELECT 1")
    assert "пароль" not in str(refused.value) + repr(engine)
    assert str(refused.value).count("\n") == 1


def test_only_three_parameters_and_no_secret_are_in_a_url(
    clickhouse_server: ClickHouseServer, http_warehouse: HttpEngine
) -> None:
    with CuttingProxy(clickhouse_server.http_port) as proxy:
        engine = HttpEngine(proxy.url, "secret", ClickHouseServer.PASSWORD)
        use(engine, "default.parameters")
        requests = b"".join(passed.request for passed in proxy.passed)
    lines = re.findall(r"([A-Z]+) (\S+) HTTP/1.1\r\n", requests.decode("latin-1"))
    assert len(lines) >= 6
    for method, path in lines:
        assert method == "POST"
        assert set(parse_qs(urlsplit(path).query)) <= {"default_format", "wait_end_of_query", "query_id"}
        assert "s3cret" not in path


def use(engine: HttpEngine, table: str) -> None:
    """Call each method once."""
    engine.execute(f"CREATE TABLE {table} (n UInt64) ENGINE = Memory", turn="one at a time")
    engine.insert(table, {"n": [1, 2]})
    assert engine.query(f"SELECT n FROM {table}") == [(1,), (2,)]
    assert [block["n"] for block in engine.stream(f"SELECT n FROM {table}")] == [(1, 2)]
    assert b"".join(engine.dump(f"SELECT n FROM {table}")) == b"1\n2\n"
    engine.execute(f"DROP TABLE {table}")


def test_a_reader_may_read_by_http(clickhouse_server: ClickHouseServer, http_warehouse: HttpEngine) -> None:
    reader = replace(http_warehouse, user="reader")
    assert reader.query("SELECT %(x)s", {"x": "it's"}) == [("it's",)]
    assert [block["number"] for block in reader.stream("SELECT number FROM system.numbers LIMIT 2")] == [(0, 1)]
    assert b"".join(reader.dump("SELECT toDateTime(0) AS t")) == b"1970-01-01 00:00:00\n"
    with pytest.raises(TerminalError, match="may only read"):
        reader.execute("CREATE TABLE default.nope (n UInt8) ENGINE = Memory")


# Connections.


def test_reads_share_a_connection_and_writes_have_their_own(clickhouse_server: ClickHouseServer) -> None:
    with CuttingProxy(clickhouse_server.http_port) as proxy:
        engine = HttpEngine(proxy.url)
        for _ in range(5):
            engine.query("SELECT 1")
        assert len(proxy.passed) == 1
        engine.execute("DROP TABLE IF EXISTS default.absent")
        assert len(proxy.passed) == 2
        engine.query("SELECT 1")
        assert len(proxy.passed) == 2
        with pytest.raises(TerminalError):
            engine.query("SELEKT 1")
        next(iter(engine.stream("SELECT number FROM system.numbers")))
        assert engine.query("SELECT 1") == [(1,)]


def test_a_server_that_closes_each_connection_is_served() -> None:
    with Canned([chunked([ONE])]) as server:
        engine = HttpEngine(server.url())
        assert [engine.query("SELECT 1") for _ in range(20)] == [[(1,)]] * 20


def test_a_thread_and_a_path_of_its_own(clickhouse_server: ClickHouseServer) -> None:
    with Canned([chunked([ONE])]) as server:
        engine = HttpEngine(server.url("/ch/a%20b/ю/"))
        threads = [threading.Thread(target=engine.query, args=("SELECT 1",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lines = {request.partition(b"?")[0] for request in server.requests}
    assert lines == {b"POST /ch/a%20b/%D1%8E/"}


def test_large_results_are_read_in_little_memory(http_warehouse: HttpEngine) -> None:
    rows = "SELECT number FROM system.numbers LIMIT 40000"
    sql = f"SELECT toFixedString(toString(number), 1000) AS x FROM ({rows}) SETTINGS max_block_size = 1000"
    tracemalloc.start()
    count = sum(len(block["x"]) for block in http_warehouse.stream(sql))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 40_000
    assert peak < 10_000_000  # of 40 MB


# Answers that are not whole, or not from ClickHouse.


def test_an_error_behind_rows_is_an_error(http_warehouse: HttpEngine) -> None:
    sql = "SELECT intDiv(1, number != 2500000) FROM (SELECT number FROM system.numbers LIMIT 3000000)"
    blocks = http_warehouse.stream(sql)
    assert next(blocks)
    with pytest.raises(TerminalError, match=r"^http://\S+: Division by zero \(code 153\)$"):
        list(blocks)


def test_an_error_behind_rows_of_a_new_server_is_an_error(facade_warehouse: HttpEngine) -> None:
    sql = "SELECT throwIf(number = 2500000, 'late') AS x FROM (SELECT number FROM system.numbers LIMIT 3000000)"
    blocks = facade_warehouse.stream(sql)
    assert next(blocks)
    with pytest.raises(TerminalError, match=r"late.* \(code 395\)$"):
        list(blocks)


TAG = "dmrdfnujjqvszhav"
LATE = "Code: 395. DB::Exception: late: while executing x. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO) (version 25.11.1.1)"
MARKED = f"\r\n__exception__\r\n{TAG}\r\n{LATE}\n{len(LATE)} {TAG}\r\n__exception__\r\n".encode()
TAGGED = OF_CLICKHOUSE | {"X-ClickHouse-Exception-Tag": TAG}
FILLED = b"".join(native.write([("s", "String")], [["x" * len(MARKED)]]))[: -len(MARKED)] + MARKED


@pytest.mark.parametrize(
    "whole",
    [
        chunked([ONE, MARKED], TAGGED),
        chunked([ONE, MARKED], TAGGED)[:-5],
        chunked([FILLED], TAGGED),  # the text is as long as the rest of the block
        chunked([ONE, f"\r\n__exception__\r\n{LATE}\n".encode()])[:-5],  # 25.3 to 25.10
        chunked([ONE, f"{LATE}\n".encode()]),
        chunked([f"{LATE}\n".encode()]),
        chunked([ONE], OF_CLICKHOUSE | {"X-ClickHouse-Exception-Code": "395"}),
        chunked([f"{LATE}\n".encode()], OF_CLICKHOUSE, "500 Internal Server Error"),
        chunked([f"{LATE}\n".encode()], {}, "500 Internal Server Error"),
    ],
)
def test_every_form_of_an_error_has_its_code(whole: bytes) -> None:
    with Canned([whole]) as server, pytest.raises(TerminalError) as caught:
        list(HttpEngine(server.url()).stream("SELECT 1"))
    assert caught.value.code == 395
    assert "__exception__" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "cut",
    [
        answer(ONE, OF_CLICKHOUSE | {"Content-Length": str(len(ONE) + 1)}),
        answer(b"", OF_CLICKHOUSE | {"Content-Length": "1"}),
        chunked([ONE])[:-1],
        chunked([ONE, ONE])[: -len(chunked([ONE])) + len(chunked([]))],
        answer(b"000%x\r\n%s\r\n0" % (len(ONE), ONE), OF_CLICKHOUSE | {"Transfer-Encoding": "chunked"}),
        answer(b"0", OF_CLICKHOUSE | {"Transfer-Encoding": "chunked"}),
        b"HTTP/1.1 200 OK\r\nX-ClickHouse-Format: Native\r\n",
        b"HTTP/1.1 200",
        b"",
        answer(PAGE, HTML, "502 Bad Gateway"),
        answer(PAGE, HTML, "503 Service Unavailable"),
        answer(PAGE, HTML, "504 Gateway Time-out"),
        answer(b"", {}, "429 Too Many Requests"),
        answer(PAGE, HTML | {"Content-Length": "10000"}, "403 Forbidden"),
    ],
)
def test_a_cut_answer_and_a_busy_proxy_may_be_asked_again(cut: bytes) -> None:
    with Canned([cut]) as server:
        for ask in (HttpEngine.query, lambda engine, sql: list(engine.stream(sql)), HttpEngine.execute):
            with pytest.raises(TransientError) as caught:
                ask(HttpEngine(server.url()), "SELECT 1")
            assert server.url() in str(caught.value)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("other", "words", "remedy"),
    [
        (answer(PAGE, HTML), "HTTP 200 OK, and this is not ClickHouse: Sign in here", "Correct host, port and path"),
        (answer(b"", {}), "HTTP 200 OK, and this is not ClickHouse: an empty page", "Correct host, port and path"),
        (answer(ONE, {}), "HTTP 200 OK, and this is not ClickHouse: ", "Correct host, port and path"),
        (answer(PAGE, HTML, "401 Unauthorized"), "HTTP 401 Unauthorized, and", "login of its own"),
        (answer(PAGE, HTML, "403 Forbidden"), "HTTP 403 Forbidden, and", "from this machine"),
        (answer(PAGE, HTML, "404 Not Found"), "HTTP 404 Not Found, and", "path of `url`"),
        (answer(PAGE, HTML, "405 Method Not Allowed"), "HTTP 405 Method Not Allowed, and", "refuses POST"),
        (answer(PAGE, HTML, "413 Request Entity Too Large"), "HTTP 413 Request", "client_max_body_size"),
        (answer(PAGE, HTML, "414 URI Too Long"), "HTTP 414 URI Too Long, and", "Correct host, port and path"),
        (answer(b"x" * 100_000, HTML, "400 Bad Request"), "HTTP 400 Bad Request, and this is", "Correct host, port"),
    ],
)
def test_a_page_of_another_server_is_said_with_its_remedy(other: bytes, words: str, remedy: str) -> None:
    with Canned([other]) as server:
        engine = HttpEngine(server.url(), "anna", "Tr0ub4dor")
        for ask in (HttpEngine.query, lambda engine, sql: list(engine.stream(sql)), HttpEngine.execute):
            with pytest.raises(TerminalError) as caught:
                ask(engine, "SELECT 1")
            line, remedy_line = str(caught.value).split("\n")
            assert line.startswith(f"{server.url()}: {words}")
            assert len(line) < 400
            assert remedy in remedy_line
            assert "Tr0ub4dor" not in str(caught.value)


def test_a_body_that_a_proxy_does_not_read_is_refused_with_its_remedy() -> None:
    described = b"".join(native.write([("name", "String"), ("type", "String")], [["n"], ["UInt64"]]))
    answers = [chunked([described]), answer(PAGE, HTML, "413 Request Entity Too Large")]
    with (
        Canned(answers, most=1000) as server,
        pytest.raises(TerminalError, match="HTTP 413 .*\n.*client_max_body_size"),
    ):
        HttpEngine(server.url()).insert("default.t", {"n": list(range(500_000))})


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent"])
def test_a_redirect_is_not_followed(status: str) -> None:
    with Canned([chunked([ONE])]) as elsewhere:
        location = f"{elsewhere.url('/login')}?token=Tr0ub4dor"
        said = rf"a redirect to {elsewhere.url('/login')}\n.*set `url`"
        with (
            Canned([answer(b"", {"Location": location}, status)]) as server,
            pytest.raises(TerminalError, match=said) as caught,
        ):
            HttpEngine(server.url(), "anna", "pass").query("SELECT 1")
        assert elsewhere.requests == []
    assert "Tr0ub4dor" not in str(caught.value)


@pytest.mark.parametrize(
    "changed",
    [
        chunked([ONE], OF_CLICKHOUSE | {"Content-Encoding": "gzip"}),
        answer(ONE, OF_CLICKHOUSE | {"Transfer-Encoding": "gzip, chunked"}),
        answer(ONE, OF_CLICKHOUSE, version="HTTP/1.0").replace(b"Content-Length", b"Length"),
    ],
)
def test_a_proxy_that_changes_answers_is_said(changed: bytes) -> None:
    with Canned([changed]) as server, pytest.raises(TerminalError, match="a proxy there"):
        HttpEngine(server.url()).query("SELECT 1")


@pytest.mark.parametrize(
    "data", [ONE[:-1], ONE[:-1] + b"xyz", ONE + b"\0", ONE + ONE[:1] + b"\x01\x01n" + ONE[4:], PAGE]
)
def test_other_data_is_an_error(data: bytes) -> None:
    with Canned([chunked([data])]) as server, pytest.raises(TerminalError, match="the answer cannot be read"):
        HttpEngine(server.url()).query("SELECT 1")


def test_a_proxy_may_say_continue_first() -> None:
    with Canned([b"HTTP/1.1 100 Continue\r\n\r\n" + chunked([ONE])]) as server:
        assert HttpEngine(server.url()).query("SELECT 1") == [(1,)]


def test_a_slow_answer_is_read_and_a_silent_server_given_up() -> None:
    with Canned([chunked([ONE])], pause_seconds=0.001) as server:
        assert HttpEngine(server.url(), query_timeout_seconds=0.2).query("SELECT 1") == [(1,)]
    said = r"no answer for 0.2 s \(query_timeout_seconds\)"
    with Canned([chunked([ONE])], pause_seconds=5) as server, pytest.raises(TransientError, match=said):
        HttpEngine(server.url(), query_timeout_seconds=0.2).query("SELECT 1")


# Ports and certificates.


def test_each_wrong_port_is_said(clickhouse_server: ClickHouseServer) -> None:
    server = clickhouse_server
    native_port = "speaks the native protocol: set engine = server"
    for url, remedy in [
        (f"http://127.0.0.1:{server.port}", native_port),
        (f"https://127.0.0.1:{server.port}", native_port),
        (f"http://127.0.0.1:{server.https_port}", "uses TLS: begin `url` with https://"),
        (f"https://127.0.0.1:{server.http_port}", "does not use TLS: begin `url` with http://"),
    ]:
        with pytest.raises(TerminalError) as caught:
            HttpEngine(url, connect_timeout_seconds=0.3).query("SELECT 1")
        line, remedy_line = str(caught.value).split("\n")
        assert line.startswith(f"{url}: ")
        assert remedy in remedy_line


def test_nobody_at_the_address_names_it_and_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", "http://nowhere.invalid", f"http://[::1]:{port}"):
        with pytest.raises(TransientError) as caught:
            HttpEngine(url).query("SELECT 1")
        line, remedy = str(caught.value).split("\n")
        assert line.startswith(f"{url}: no ClickHouse server answers: ")
        assert "`url`" in remedy


def test_everything_runs_with_a_verified_certificate(clickhouse_server: ClickHouseServer, tmp_path: Path) -> None:
    own = str(clickhouse_server.directory / "server.crt")
    trusting = HttpEngine(f"https://localhost:{clickhouse_server.https_port}", ca_certs=own)
    use(trusting, "default.by_tls")
    with pytest.raises(TerminalError, match=r"certificate is not trusted: self-signed.*\n.*`ca_certs`"):
        replace(trusting, ca_certs="").query("SELECT 1")
    with pytest.raises(TerminalError, match=r"not trusted: .*mismatch.*\n.*`url` to a name that the certificate has"):
        replace(trusting, url=trusting.url.replace("localhost", "127.0.0.1")).query("SELECT 1")
    with pytest.raises(TerminalError, match=r"absent.crt: No such file.*`ca_certs`"):
        replace(trusting, ca_certs="absent.crt").query("SELECT 1")
    (tmp_path / "empty.crt").touch()
    with pytest.raises(TerminalError, match=r"empty.crt: it has no certificate.*`ca_certs`"):
        replace(trusting, ca_certs=str(tmp_path / "empty.crt")).query("SELECT 1")


CERTIFICATES = """
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=root -keyout root.key -out root.crt
openssl req -newkey rsa:2048 -nodes -subj /CN=mid -keyout mid.key -out mid.csr
echo basicConstraints=critical,CA:TRUE > mid.ext
openssl x509 -req -in mid.csr -CA root.crt -CAkey root.key -CAcreateserial -days 2 -extfile mid.ext -out mid.crt
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout leaf.key -out leaf.csr
echo subjectAltName=DNS:localhost > leaf.ext
openssl x509 -req -in leaf.csr -CA mid.crt -CAkey mid.key -CAcreateserial -days 2 -extfile leaf.ext -out half.crt
cat half.crt mid.crt > whole.crt
touch index.txt; echo 01 > serial
printf '[ca]\ndefault_ca=d\n[p]\ncommonName=supplied\n[d]\ndatabase=index.txt\nserial=serial\n' > ca.cnf
printf 'new_certs_dir=.\ndefault_md=sha256\npolicy=p\n' >> ca.cnf
openssl ca -batch -config ca.cnf -cert root.crt -keyfile root.key -in leaf.csr -extfile leaf.ext -notext \
  -startdate 200101000000Z -enddate 200102000000Z -out expired.crt
"""


def test_half_a_certificate_and_an_expired_one_are_said(tmp_path: Path) -> None:
    subprocess.run(["sh", "-ec", CERTIFICATES], cwd=tmp_path, check=True, capture_output=True)
    root = str(tmp_path / "root.crt")
    for name, outcome in [
        ("whole.crt", None),
        ("half.crt", r"not trusted: unable to get local issuer certificate\n.*`ca_certs`"),
        ("expired.crt", r"not trusted: certificate has expired\n.*renewed"),
    ]:
        with Canned([chunked([ONE])], (str(tmp_path / name), str(tmp_path / "leaf.key"))) as server:
            engine = HttpEngine(server.url(), ca_certs=root)
            if outcome is None:
                assert engine.query("SELECT 1") == [(1,)]
                continue
            with pytest.raises(TerminalError, match=outcome):
                engine.query("SELECT 1")
