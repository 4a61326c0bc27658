"""luigid's API and files show tasks and errors to everybody who reaches them, and no secret."""

import json
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests.process.conftest import MakeProject
from tests.process.luigid import Luigid
from tests.process.project import OUTAGE_START, moment
from tests.servers.bot_api import CHAT, BotApi
from tests.servers.clickhouse import ClickHouseServer

SECRETS = {
    "FEEDPULSE_TELEGRAM_TOKEN": "123456789:hush-token-of-nobody-knows-0123456",
    "FEEDPULSE_CLICKHOUSE_PASSWORD": "hush-password",
    "FEEDPULSE_HEARTBEAT_URL": "http://127.0.0.1:9/hush-heartbeat",
}


def asked(luigid: Luigid, method: str, **arguments: str) -> str:
    query = urllib.parse.urlencode({"data": json.dumps(arguments)})
    with urllib.request.urlopen(f"{luigid.url}/api/{method}?{query}", timeout=10) as answer:
        return str(answer.read().decode())


@pytest.mark.long
def test_luigid_shows_no_secret(
    new_project: MakeProject, clickhouse_server: ClickHouseServer, luigid: Luigid, tmp_path: Path
) -> None:
    with BotApi() as api:  # it knows another token, so the message is refused
        project = new_project("server")
        project.environment |= SECRETS
        project.configure(alerts={"channels": "telegram"}, telegram={"chats": CHAT, "api_url": api.url})
        project.configure(report={"channels": "telegram"})
        project.run("feedpulse", "run", "Morning", *luigid.arguments)
        project.environment["FEEDPULSE_CLICKHOUSE_PASSWORD"] = ""
        failed = project.run("feedpulse", "run", "Morning", *luigid.arguments)
        project.configure(warehouse={"user": "secret"})
        project.environment["FEEDPULSE_CLICKHOUSE_PASSWORD"] = SECRETS["FEEDPULSE_CLICKHOUSE_PASSWORD"]
        refused = project.run("feedpulse", "run", "Alerts", *luigid.arguments, *moment(OUTAGE_START))
    assert (failed.code, refused.code) == (30, 35)
    shown = [
        asked(luigid, "task_list", status="", upstream_status=""),
        asked(luigid, "worker_list"),
        asked(luigid, "graph"),
    ]
    (report,) = [item for item in json.loads(shown[0])["response"] if item.startswith("DailyReport")]
    error = asked(luigid, "fetch_error", task_id=report)
    assert "telegram" in error  # the error is there, without its secret
    files = [path.read_bytes().decode("utf-8", "replace") for path in tmp_path.rglob("*") if path.is_file()]
    for text in (*shown, error, *files, failed.log, refused.log):
        assert "hush" not in text
