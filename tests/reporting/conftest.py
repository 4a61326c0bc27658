from collections.abc import Iterator

import pytest

from reporting.channels.telegram.api import TOKEN_VARIABLE
from reporting.channels.telegram.channel import Telegram
from tests.servers.bot_api import TOKEN, BotApi


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[BotApi]:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    with BotApi() as server:
        yield server


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the channel's clock stand still and return what it waited for."""
    waited: list[float] = []
    monkeypatch.setattr(Telegram, "sleep", staticmethod(waited.append))
    return waited
