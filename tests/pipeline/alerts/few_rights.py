"""Users with few rights: who they are, what they do, and what their statements need."""

import hashlib
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from pipeline.commands.main import main
from pipeline.core.errors import TerminalError
from pipeline.etl.verification import verify
from pipeline.tasks import Daily, Morning
from pipeline.warehouse import rights
from pipeline.warehouse.engines import Engine, Params, ServerEngine, raw
from pipeline.warehouse.rights import Grant
from tests.patience import HANGS_SECONDS
from tests.pipeline.alerts.place import BACK, OUTAGE, SLOT, TODAY, Site
from tests.servers.clickhouse import ClickHouseServer

YESTERDAY = TODAY - timedelta(days=1)
KEY = "alert-2026-11-12T0900Z-messages_sent"
PASSWORD = "few rights"
NO_PARTS = "ann: Not enough privileges. (ACCESS_DENIED) (code 497)"

Statements = list[tuple[str, str]]


def record(monkeypatch: pytest.MonkeyPatch) -> Statements:
    """Record every statement, with its user; refuse system.parts as newer servers do, which no engine here can do."""
    sent: Statements = []
    query, execute, insert, stream = Engine.query, Engine.execute, Engine._inserted, Engine.stream

    def note(engine: Engine, sql: str) -> None:
        sent.append((str(getattr(engine, "user", "default")), sql))
        if rights.PARTS in sql:
            raise TerminalError(NO_PARTS, 497)

    def noted_query(engine: Engine, sql: str, params: Params | None = None) -> list[tuple[Any, ...]]:
        note(engine, sql)
        return query(engine, sql, params)

    def noted_execute(engine: Engine, sql: str, params: Params | None = None, **options: Any) -> None:
        note(engine, sql)
        execute(engine, sql, params, **options)

    def noted_insert(engine: Engine, table: str, blocks: Any) -> None:
        note(engine, f"INSERT INTO {table}")
        insert(engine, table, blocks)

    def noted_stream(engine: Engine, sql: str, params: Params | None = None) -> Iterator[raw.RawBlock]:
        note(engine, sql)
        return stream(engine, sql, params)

    for name, replacement in (
        ("query", noted_query), ("execute", noted_execute), ("_inserted", noted_insert), ("stream", noted_stream),
    ):  # fmt: skip
        monkeypatch.setattr(Engine, name, replacement)
    return sent


def printed(site: Site, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what ``feedpulse doctor --grants`` prints."""
    capsys.readouterr()
    with site.at(OUTAGE):
        assert main(["doctor", "--grants"]) == 0
    return capsys.readouterr().out


def printed_for(user: str, text: str) -> list[Grant]:
    """Return the printed GRANTs of a user."""
    found = re.findall(rf"^GRANT (.+) ON (\S+) TO {user};$", text, re.MULTILINE)
    return [Grant(tuple(names.split(", ")), where) for names, where in found]


def play(site: Site) -> None:
    """Load a day, post an incident and its end, and send the report."""
    site.run(Daily(), OUTAGE)
    site.alert(OUTAGE, OUTAGE + SLOT)
    site.alert(BACK, BACK + SLOT)
    site.run(Morning(), BACK + 4 * SLOT)
    with site.at(BACK + 4 * SLOT):
        assert verify(YESTERDAY, YESTERDAY)
    assert {KEY, f"{KEY}-recovered"} <= set(site.messages())
    assert "report-2026-11-11" in " ".join(site.messages())


def check(statements: Statements, user: str, grants: list[Grant]) -> None:
    """Compare what a user's statements need with what it was granted."""
    needed = {right for owner, sql in statements if owner == user for right in rights.of(sql)}
    assert needed
    assert {right for right in needed if not rights.covers(grants, right)} == set()
    assert rights.CREATE_DATABASE not in {right.privilege for right in needed}  # where it exists


def add_users(server: ClickHouseServer, text: str) -> None:
    """Add the users of the printed users.xml to a running server, all with one password."""
    folder = server.directory / "users.d"
    folder.mkdir()
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    blocks = re.findall(r"^<yandex>.*?^</yandex>$", text, re.DOTALL | re.MULTILINE)
    for number, block in enumerate(blocks):
        (folder / f"feedpulse{number}.xml").write_text(block.replace("HASH", digest))
    (server.directory / "users.xml").touch()
    deadline = time.monotonic() + HANGS_SECONDS
    while True:
        try:
            for user in re.findall(r"^    <(\w+)>$", text, re.MULTILINE):
                ServerEngine(server.host, server.port, user, PASSWORD).query("SELECT 1")
            return
        except TerminalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
