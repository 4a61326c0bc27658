"""What the doctor says of connections and rights."""

import importlib.util
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pipeline.commands.doctor import rights
from pipeline.commands.doctor.rights import NEEDED, granted
from pipeline.core.errors import TerminalError
from pipeline.demo.load import create_tables
from pipeline.warehouse import statements
from pipeline.warehouse.engines import Engine, Params, ServerEngine
from pipeline.warehouse.tables import open_warehouse
from tests.pipeline.commands.doctor.place import Place
from tests.pipeline.configuration import configured
from tests.servers.clickhouse import ClickHouseServer


def closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_all_is_well_and_nothing_is_written(place: Place) -> None:
    before = place.tables(), sorted(place.directory.rglob("*"))
    assert place.notes() == []
    assert (
        place.tables(),
        [path for path in sorted(place.directory.rglob("*")) if path.name != "feedpulse.cfg"],
    ) == before


def test_scratch_tables_are_made_and_dropped(place: Place) -> None:
    before = place.tables()
    code, out = place.run("--write")
    assert code == 0, out
    assert f"write: made, filled, altered and dropped scratch tables in {place.results}, and made the database" in out
    assert place.tables() == before
    code, out = place.run("--write")
    assert f"scratch tables in {place.results}\n" in out
    assert place.tables() == before


@pytest.mark.parametrize("section", ["warehouse", "source"])
def test_an_address_that_is_wrong(on_server: Place, section: str, clickhouse_server: ClickHouseServer) -> None:
    settings = on_server.source if section == "source" else on_server.sections["warehouse"]
    right = dict(settings)
    port = closed_port()
    cases = [
        ({"host": "no-such-host.invalid"}, f"[{section}] host = no-such-host.invalid: no such host", "Correct"),
        ({"port": str(port)}, f"[{section}] port = {port}: 127.0.0.1 is there, but nothing listens", "9000"),
        ({"port": str(clickhouse_server.http_port)}, f"{section}: ", "speaks HTTP"),
        ({"port": str(clickhouse_server.secure_port)}, f"{section}: ", "uses TLS: set secure = true"),
        ({"secure": "true"}, f"{section}: ", "does not use TLS: set secure = false"),
        ({"secure": "true", "port": str(clickhouse_server.secure_port)}, "certificate", "`ca_certs`"),
        ({"user": "nobody"}, "Unknown user nobody", f"Check [{section}] user and the environment variable FEEDPULSE_"),
    ]
    for change, text, remedy in cases:
        settings.clear()
        settings.update(right | change)
        found = on_server.wrong()
        assert text in found, change
        assert remedy in found, change


@pytest.mark.parametrize("section", ["warehouse", "source"])
def test_a_url_that_is_wrong(on_server: Place, section: str, clickhouse_server: ClickHouseServer) -> None:
    settings = on_server.source if section == "source" else on_server.sections["warehouse"]
    right = {"engine": "http", "url": f"http://127.0.0.1:{clickhouse_server.http_port}"}
    settings.clear()
    settings.update(right)
    if section == "source":
        settings["database"] = on_server.database
    right = dict(settings)
    assert on_server.notes() == []
    port = closed_port()
    closed, native = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{clickhouse_server.port}"
    secure = f"http://127.0.0.1:{clickhouse_server.https_port}"
    cases = [
        (
            {"url": "http://no-such-host.invalid"},
            "http://no-such-host.invalid: there is no host no-such-host",
            "Correct",
        ),
        ({"url": closed}, f"[{section}] url = {closed}: nothing answers on port {port} (Connection refused)", "8123"),
        ({"url": native}, f"{section}: {native}: ", "set engine = server, or give the port of HTTP"),
        ({"url": secure}, f"{section}: {secure}: ", "begin `url` with https://"),
        ({"user": "nobody"}, "Unknown user nobody", f"Check [{section}] user and the environment variable FEEDPULSE_"),
    ]
    for change, text, remedy in cases:
        settings.update(right | change)
        found = on_server.wrong()
        assert text in found, change
        assert remedy in found, change


def test_a_password_that_is_wrong(on_server: Place) -> None:
    on_server.sections["warehouse"]["user"] = "secret"
    assert "FEEDPULSE_CLICKHOUSE_PASSWORD, which is not set." in on_server.wrong()
    on_server.environment["FEEDPULSE_CLICKHOUSE_PASSWORD"] = "not-this-one"
    assert "FEEDPULSE_CLICKHOUSE_PASSWORD, which is set." in on_server.wrong()
    on_server.environment["FEEDPULSE_CLICKHOUSE_PASSWORD"] = ClickHouseServer.PASSWORD
    assert on_server.notes() == []
    on_server.source["user"] = "secret"
    assert "FEEDPULSE_SOURCE_PASSWORD, which is not set." in on_server.wrong()


def test_the_other_host_answers(on_server: Place) -> None:
    settings = on_server.sections["warehouse"]
    settings["alt_hosts"] = f"127.0.0.1:{settings['port']}"
    settings["port"] = str(closed_port())
    found, plain = on_server.notes()
    assert "another of `host` and `alt_hosts` answers" in found
    assert "a run on one of alt_hosts finds none: it loads all days and sends again" in plain


def test_a_user_who_may_only_read(on_server: Place) -> None:
    on_server.source["user"] = "reader"
    assert on_server.notes() == []
    on_server.sections["warehouse"]["user"] = "reader"
    assert "may only read" in on_server.wrong()


def test_a_user_who_may_make_no_tables(
    on_server: Place, tmp_path_factory: pytest.TempPathFactory, server_warehouse: ServerEngine
) -> None:
    habits = "<allow_ddl>0</allow_ddl>"
    with ClickHouseServer(tmp_path_factory.mktemp("no_ddl") / "server", habits=habits) as server:
        on_server.source  # noqa: B018  the events stay where they are
        on_server.sections["warehouse"]["port"] = str(server.port)
        assert "its profile sets allow_ddl" in on_server.wrong()


def test_an_embedded_engine_that_is_not_installed(on_server: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    on_server.source["database"] = on_server.database
    on_server.sections["warehouse"] = {"engine": "embedded", "path": "warehouse"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install 'feedpulse[embedded]'" in on_server.wrong()


def test_a_source_that_is_elsewhere(place: Place) -> None:
    place.sections["source"]["database"] = "absent"
    assert "[source] database = absent: there is no such database" in (found := place.wrong())
    assert f"Set [source] database: {place.database} has feed_actions and message_actions." in found
    place.sections["source"]["database"] = place.database
    place.sections["source"]["message_table"] = "messages"
    found = place.wrong()
    assert f"[source] message_table = messages: there is no such table in the database {place.database}" in found
    assert f"The database {place.database} has feed_actions, incidents_truth, message_actions" in found


def test_an_embedded_engine_without_events(on_server: Place) -> None:
    on_server.sections["warehouse"] = {"engine": "embedded", "path": "warehouse"}
    assert "holds no data yet, so there are no events" in (found := on_server.wrong())
    assert "Set [source] engine = server" in found
    assert [path.name for path in on_server.directory.iterdir()] == ["feedpulse.cfg"]
    on_server.source["database"] = on_server.database
    (found,) = on_server.notes()
    assert "does not exist yet; the first run makes it" in found
    assert [path.name for path in on_server.directory.iterdir()] == ["feedpulse.cfg"]


def test_every_statement_of_the_doctor_runs(on_server: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    read, used = statements.template, set[str]()

    def listen(name: str) -> str:
        used.add(name)
        return read(name)

    monkeypatch.setattr(statements, "template", listen)
    assert on_server.notes("--write") == []
    for setting in ("database", "message_table"):
        on_server.sections["source"][setting] = "absent"
        on_server.wrong()
        on_server.sections["source"][setting] = on_server.database if setting == "database" else "message_actions"
    on_server.sections["source"]["message_table"] = "feed_actions"
    assert "has no column receiver_id or reciever_id" in on_server.wrong()
    folder = Path(statements.__file__).parents[1] / "commands" / "sql"
    assert {file.stem for file in folder.glob("doctor_*.sql")} - used == set()


# What a server with grants shows, by ClickHouse's documentation: no such server is at hand for tests.
def test_rights_of_show_grants() -> None:
    everything = set(NEEDED) | {"CREATE DATABASE"}
    assert granted(["GRANT ALL ON *.* TO ann WITH GRANT OPTION"], "test") == everything
    assert granted(["GRANT SELECT, INSERT, ALTER, CREATE, DROP ON test.* TO ann"], "test") == everything
    assert granted(["GRANT SELECT ON `test`.* TO ann", "GRANT INSERT ON other.* TO ann"], "test") == {"SELECT"}
    assert granted(["GRANT SELECT(a), INSERT ON test.t TO ann"], "test") == set()
    assert granted(["GRANT SHOW TABLES, ALTER TABLE ON test.* TO ann"], "test") == {"ALTER ADD COLUMN", "ALTER DELETE"}


# Emulated: chDB answers CHECK GRANT as version 26.9 does, but all its users may do everything.
@pytest.mark.parametrize("warehouse", ["embedded"], indirect=True)
def test_rights_of_check_grant(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = {"INSERT", "ALTER DELETE"}
    monkeypatch.setattr(rights, "_is_granted", lambda engine, right, where: right not in lacking)
    found = place.wrong()
    assert f"this user may not INSERT, ALTER DELETE in the database {place.results}" in found
    assert f"GRANT INSERT, ALTER DELETE ON {place.results}.* TO default;" in found
    lacking = {"ALTER DELETE"}
    (found,) = place.notes()
    assert "a day can be loaded once, not again" in found
    assert f"GRANT ALTER DELETE ON {place.results}.* TO default;" in found
    lacking = {"CREATE DATABASE"}
    assert f"GRANT CREATE DATABASE ON {place.results}.* TO default;" in place.wrong()
    place.engine.execute(f"CREATE DATABASE {place.results}")
    assert place.notes() == []  # it is needed only where the database is missing


@pytest.mark.parametrize("warehouse", ["embedded"], indirect=True)
def test_rights_on_every_table_of_ours_are_enough(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.engine.execute(f"CREATE DATABASE {place.results}")
    monkeypatch.setattr(rights, "_is_granted", lambda engine, right, where: not where.endswith(".*"))
    assert place.notes() == []


def test_tables_that_are_not_ours(place: Place) -> None:
    place.engine.execute(f"CREATE DATABASE {place.results}")
    foreign = f"{place.results}.incidents"
    place.engine.execute(f"CREATE TABLE {foreign} (id UInt32, title String) ENGINE = MergeTree ORDER BY id")
    before = place.tables()
    found = place.wrong()
    assert f"{foreign} exists, and this installation did not make it" in found
    assert "Set [warehouse] prefix" in found
    place.sections["warehouse"]["prefix"] = "ann_"
    assert place.notes() == []
    place.sections["etl"]["table"] = "ann_incidents"
    assert "feedpulse has another table of that name" in place.wrong()
    assert place.tables() == before


def test_tables_of_another_configuration(place: Place) -> None:
    code, out = place.run()
    assert f"none of our names is taken in the database {place.results}" in out
    with configured(**place.sections):
        open_warehouse()
    code, out = place.run()
    assert (code, f"tables in {place.results} are ours" in out) == (0, True)
    place.sections["clock"] = {"timezone": "UTC"}
    found = place.wrong()
    assert "belong to another configuration: their time zone is Europe/Moscow" in found
    assert "feedpulse adopt" in found


# Emulated like the rights above: the error is that of version 26.9.
@pytest.mark.parametrize("warehouse", ["embedded"], indirect=True)
def test_a_source_that_may_not_be_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Engine.query

    def deny(engine: Engine, sql: str, params: Params | None = None) -> list[tuple[Any, ...]]:
        if sql.endswith("message_actions LIMIT 0"):
            raise TerminalError("ann: Not enough privileges. (ACCESS_DENIED) (code 497)\nGrant this user ...", 497)
        return answer(engine, sql, params)

    monkeypatch.setattr(Engine, "query", deny)
    assert f"GRANT SELECT ON {place.database}.message_actions TO default;" in place.wrong()


@pytest.mark.parametrize("warehouse", ["embedded"], indirect=True)
def test_system_parts_may_not_be_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Engine.query

    def deny(engine: Engine, sql: str, params: Params | None = None) -> list[tuple[Any, ...]]:
        if "system.parts" in sql:
            raise TerminalError("ann: Not enough privileges. (ACCESS_DENIED) (code 497)", 497)
        return answer(engine, sql, params)

    monkeypatch.setattr(Engine, "query", deny)
    (found,) = place.notes()
    assert "may not read system.parts" in found
    assert "GRANT SELECT ON system.parts TO default;" in found


def test_the_grants_to_copy(on_server: Place) -> None:
    on_server.sections["warehouse"] |= {"user": "guest", "prefix": "anna_"}
    code, out = on_server.run("--grants")
    assert code == 0
    assert "GRANT" not in out  # version 18.16 has none
    databases = re.findall("<database>(.*)</database>", out)
    assert databases == [on_server.database, on_server.results]
    assert "<profile>default</profile>" in out
    on_server.sections["warehouse"]["port"] = str(closed_port())
    code, out = on_server.run("--grants")  # of a server that does not answer the version is not known
    written = "SELECT, INSERT, CREATE TABLE, DROP TABLE, ALTER ADD COLUMN"
    for grant in (
        f"SELECT ON {on_server.database}.feed_actions",
        f"SELECT ON {on_server.database}.message_actions",
        f"{written} ON {on_server.results}.*",
        f"ALTER DELETE ON {on_server.results}.*",
        "SELECT ON system.parts",
        f"CREATE DATABASE ON {on_server.results}.*",
        *(
            f"{right} ON {on_server.results}.{own}*"
            for right in (written, "ALTER DELETE")
            for own in ("anna_", "daily_metrics")
        ),
    ):
        assert f"\nGRANT {grant} TO guest;\n" in out
    assert "<guest>" in out


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("CREATE DATABASE", "CREATE DATABASE"),
        ("CREATE TABLE", "CREATE TABLE"),
        ("ADD COLUMN", "ALTER ADD COLUMN"),
        ("REPLACE PARTITION", "ALTER DELETE"),
    ],
)
@pytest.mark.parametrize("warehouse", ["embedded"], indirect=True)
def test_a_right_that_only_writing_shows(place: Place, monkeypatch: pytest.MonkeyPatch, word: str, right: str) -> None:
    execute = Engine.execute

    def deny(
        engine: Engine, sql: str, params: Params | None = None, *, idempotent: bool = False, turn: str = ""
    ) -> None:
        if word in sql:
            raise TerminalError("ann: Not enough privileges. (ACCESS_DENIED) (code 497)", 497)
        execute(engine, sql, params, idempotent=idempotent, turn=turn)

    before = place.tables()
    monkeypatch.setattr(Engine, "execute", deny)
    assert f"GRANT {right} ON {place.results}.* TO default;" in place.wrong("--write")
    assert place.tables() == before


def test_a_password_with_the_end_of_a_line(on_server: Place) -> None:
    on_server.sections["warehouse"]["user"] = "secret"
    on_server.environment["FEEDPULSE_CLICKHOUSE_PASSWORD"] = f"{ClickHouseServer.PASSWORD}\r"
    assert "which is set and begins or ends with white space" in on_server.wrong()


def test_a_self_signed_certificate(on_server: Place, clickhouse_server: ClickHouseServer) -> None:
    """The remedies are followed as they stand."""
    section = on_server.sections["warehouse"]
    section |= {"secure": "true", "port": str(clickhouse_server.secure_port)}
    (command,) = re.findall(r"openssl s_client .*> server\.crt", on_server.wrong())
    subprocess.run(command, shell=True, cwd=on_server.directory, check=True, capture_output=True)
    section["ca_certs"] = "server.crt"
    assert "Set `host` to a name that the certificate has" in (found := on_server.wrong())
    (command,) = re.findall(r"openssl s_client .* subjectAltName", found)
    shown = subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout
    assert "DNS:localhost" in shown
    section["host"] = "localhost"
    code, out = on_server.run()
    assert code == 0, out


def test_a_database_that_the_user_may_not_use(on_server: Place) -> None:
    """Versions without grants have a list of databases for each user; the others do not exist for it."""
    on_server.engine.execute(f"CREATE DATABASE {on_server.results}", idempotent=True)
    on_server.sections["warehouse"]["user"] = "guest"
    assert f"Access denied to database {on_server.results}" in (found := on_server.wrong())
    assert "set another `database`" in found


def test_the_database_with_the_nearest_name_is_named_first(on_server: Place) -> None:
    others = [f"a_{number}" for number in range(5)]
    try:
        for name in others:
            create_tables(on_server.engine, name)
        on_server.sections["source"]["database"] = on_server.database.upper()
        found = on_server.wrong()
        assert f"there is no such database Set [source] database: {on_server.database} has " in found
    finally:
        for name in others:
            on_server.engine.execute(f"DROP DATABASE IF EXISTS {name}", idempotent=True)
