"""The strict server itself: what it accepts and refuses, asked without any client library."""

import json
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from tests.reporting.samples import png
from tests.servers.bot_api import CHAT, TOKEN, TOPIC, BotApi
from tests.servers.bot_rules import Refused, parse_html


def post(api: BotApi, path: str, body: bytes = b"", kind: str = "") -> tuple[int, Any]:
    connection = HTTPConnection(urlsplit(api.url).netloc)
    try:
        connection.request("POST", path, body, {"Content-Type": kind})
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    return response.status, json.loads(content) if content.startswith(b"{") else content.decode()


def send(api: BotApi, token: str = TOKEN, **parameters: str) -> tuple[int, Any]:
    body = urlencode({"chat_id": CHAT} | parameters).encode()
    return post(api, f"/bot{token}/sendMessage", body, "application/x-www-form-urlencoded")


def test_a_good_message_is_recorded_as_a_chat_shows_it(api: BotApi) -> None:
    code, answer = send(api, text="<b>Лайки</b> &lt; 1 &nbsp;", parse_mode="HTML", message_thread_id=str(TOPIC))
    assert (code, answer["ok"], answer["result"]["message_id"]) == (200, True, 1)
    (sent,) = api.sent
    assert (sent.chat, sent.topic, sent.text) == (CHAT, TOPIC, "Лайки < 1 &nbsp;")


@pytest.mark.parametrize(
    ("parameters", "description"),
    [
        ({"chat_id": "-1", "text": "x"}, "chat not found"),
        ({"text": ""}, "message text is empty"),
        ({"text": "<b> </b>", "parse_mode": "HTML"}, "message text is empty"),
        ({"text": "😀" * 2049}, "message is too long"),
        ({"text": "x", "message_thread_id": "8"}, "message thread not found"),
        ({"text": "x", "parse_mode": "Markdown"}, "unsupported parse_mode"),
        ({"text": "<h1>x</h1>", "parse_mode": "HTML"}, "can't parse entities"),
    ],
)
def test_what_telegram_refuses_is_refused(api: BotApi, parameters: dict[str, str], description: str) -> None:
    code, answer = send(api, **parameters)
    assert (code, answer["ok"], answer["error_code"]) == (400, False, 400)
    assert description in answer["description"]
    assert api.sent == []


def test_lengths_are_counted_after_parsing(api: BotApi) -> None:
    assert send(api, text="&lt;" * 4096, parse_mode="HTML")[0] == 200
    assert send(api, text="&lt;" * 4097, parse_mode="HTML")[0] == 400


def test_a_wrong_token_is_unauthorized(api: BotApi) -> None:
    assert send(api, token="1:x", text="x")[0] == 401


def test_a_long_url_is_refused_as_a_proxy_does(api: BotApi) -> None:
    code, answer = post(api, f"/bot{TOKEN}/sendMessage?chat_id={CHAT}&text={quote('ж' * 1400)}")
    assert (code, "414" in answer) == (414, True)
    assert post(api, f"/bot{TOKEN}/sendMessage?chat_id={CHAT}&text={quote('ж' * 1300)}")[0] == 200


def photo_body(photo: bytes, caption: str) -> bytes:
    fields = f'--XX\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n{CHAT}\r\n'
    fields += f'--XX\r\nContent-Disposition: form-data; name="caption"\r\n\r\n{caption}\r\n'
    head = '--XX\r\nContent-Disposition: form-data; name="photo"; filename="p"\r\n\r\n'
    return (fields + head).encode() + photo + b"\r\n--XX--\r\n"


@pytest.mark.parametrize(
    ("photo", "caption", "code", "description"),
    [
        (png, "ж" * 1024, 200, ""),
        (png, "ж" * 1025, 400, "message caption is too long"),
        (lambda: b"", "x", 400, "file must be non-empty"),
        (lambda: png()[:60], "x", 400, "IMAGE_PROCESS_FAILED"),
        (lambda: b"GIF89a", "x", 400, "IMAGE_PROCESS_FAILED"),
        (lambda: png(2100, 100), "x", 400, "PHOTO_INVALID_DIMENSIONS"),
        (lambda: b"x" * (10 * 1024 * 1024 + 1), "x", 413, "Request Entity Too Large"),
    ],
)
def test_photos(api: BotApi, photo: Callable[[], bytes], caption: str, code: int, description: str) -> None:
    body = photo_body(photo(), caption)
    status, answer = post(api, f"/bot{TOKEN}/sendPhoto", body, "multipart/form-data; boundary=XX")
    assert status == code
    assert description in answer.get("description", "")
    assert [sent.photo for sent in api.sent] == ([photo()] if code == 200 else [])


@pytest.mark.parametrize("source", ["<b>x", "x</b>", "<b><i>x</b></i>", "a < b", "<b", "<x>y</x>"])
def test_markup_that_telegram_cannot_parse(source: str) -> None:
    with pytest.raises(Refused, match="can't parse entities"):
        parse_html(source)
