"""What the local Bot API server accepts and refuses, asked without a client library."""

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


def keyboard(*buttons: dict[str, str]) -> str:
    return json.dumps({"inline_keyboard": [[button] for button in buttons]})


ACK = {"text": "Acknowledge", "callback_data": "ack"}


def call(api: BotApi, method: str, **parameters: str) -> tuple[int, Any]:
    body = urlencode(parameters).encode()
    code, answer = post(api, f"/bot{TOKEN}/{method}", body, "application/x-www-form-urlencoded")
    return code, answer["result"] if answer["ok"] else answer["description"]


@pytest.mark.parametrize(
    ("reply_markup", "description"),
    [
        ("{", "can't parse reply keyboard markup"),
        ("[]", "can't parse reply keyboard markup"),
        ('{"inline_keyboard": [{}]}', "can't parse reply keyboard markup"),
        (keyboard({"callback_data": "x"}), "can't parse reply keyboard markup"),
        (keyboard({"text": " ", "callback_data": "x"}), "button text is empty"),
        (keyboard({"text": "x", "callback_data": ""}), "Text buttons are unallowed in the inline keyboard"),
        (keyboard(ACK, ACK | {"callback_data": "ж" * 33}), "BUTTON_DATA_INVALID"),
        (keyboard(*[ACK] * 101), "reply markup is too long"),
    ],
)
def test_keyboards_that_telegram_refuses(api: BotApi, reply_markup: str, description: str) -> None:
    code, answer = send(api, text="x", reply_markup=reply_markup)
    assert (code, api.sent) == (400, [])
    assert description in answer["description"]


def test_the_longest_data_of_a_button(api: BotApi) -> None:
    assert send(api, text="x", reply_markup=keyboard(ACK | {"callback_data": "ж" * 32}))[0] == 200


@pytest.mark.parametrize(
    ("method", "parameters", "description"),
    [
        ("editMessageText", {"text": "x"}, "message identifier is not specified"),
        ("editMessageText", {"message_id": "9", "text": "x"}, "message to edit not found"),
        ("editMessageText", {"message_id": "1", "text": "x", "chat_id": "-1"}, "chat not found"),
        ("editMessageText", {"message_id": "1", "text": ""}, "message text is empty"),
        ("editMessageText", {"message_id": "1", "text": "x" * 4097}, "message is too long"),
        ("editMessageText", {"message_id": "1", "text": "<b>", "parse_mode": "HTML"}, "can't parse entities"),
        ("editMessageText", {"message_id": "1", "text": "x", "reply_markup": "{"}, "can't parse reply keyboard"),
        ("editMessageText", {"message_id": "1", "text": "a text"}, "message is not modified"),
        ("editMessageText", {"message_id": "2", "text": "x"}, "there is no text in the message to edit"),
        ("editMessageText", {"message_id": "3", "text": "x"}, "message can't be edited"),
        ("editMessageCaption", {"message_id": "1", "caption": "x"}, "there is no caption in the message to edit"),
        ("editMessageCaption", {"message_id": "2", "caption": "x" * 1025}, "message caption is too long"),
        ("editMessageCaption", {"message_id": "2", "caption": "a caption"}, "message is not modified"),
        ("editMessageMedia", {"message_id": "2", "media": '{"type": "photo"}'}, "wrong file identifier"),
        ("editMessageMedia", {"message_id": "2", "media": '{"type": "poll"}'}, "media type is unsupported"),
    ],
)
def test_edits_that_telegram_refuses(api: BotApi, method: str, parameters: dict[str, str], description: str) -> None:
    send(api, text="a text")
    post(api, f"/bot{TOKEN}/sendPhoto", photo_body(png(), "a caption"), "multipart/form-data; boundary=XX")
    send(api, text="an old text")
    api.freeze(3)
    before = list(api.sent)
    code, answer = call(api, method, **({"chat_id": CHAT} | parameters))
    assert code == 400
    assert description in answer
    assert api.sent == before


def test_an_edit_shows_at_once_and_takes_buttons_away(api: BotApi) -> None:
    send(api, text="one", reply_markup=keyboard(ACK))
    assert call(api, "editMessageText", chat_id=CHAT, message_id="1", text="one")[0] == 200
    assert [(sent.text, sent.buttons, sent.edits) for sent in api.sent] == [("one", (), 1)]


def test_replies_need_their_message_unless_they_do_not(api: BotApi) -> None:
    send(api, text="one")
    assert send(api, text="x", reply_parameters='{"message_id": 1}')[0] == 200
    code, answer = send(api, text="x", reply_parameters='{"message_id": 7}')
    assert (code, answer["description"]) == (400, "Bad Request: message to be replied not found")
    assert send(api, text="x", reply_parameters='{"message_id": 7, "allow_sending_without_reply": true}')[0] == 200
    assert [sent.reply_to for sent in api.sent] == [None, 1, None]


def test_a_group_that_became_another_chat_says_so_to_writers(api: BotApi) -> None:
    api.chats.append("-42")
    send(api, chat_id="-42", text="one")
    api.migrate("-42", "-10077")
    for method, parameters in (
        ("sendMessage", {"text": "two"}),
        ("editMessageText", {"message_id": "1", "text": "two"}),
        ("sendChatAction", {"action": "typing"}),
    ):
        body = urlencode({"chat_id": "-42"} | parameters).encode()
        code, answer = post(api, f"/bot{TOKEN}/{method}", body, "application/x-www-form-urlencoded")
        assert (code, answer["parameters"]) == (400, {"migrate_to_chat_id": -10077})
    assert send(api, chat_id="-10077", text="two")[1]["result"]["message_id"] == 1


def test_updates_are_kept_until_a_later_offset_confirms_them(api: BotApi) -> None:
    send(api, text="one", reply_markup=keyboard(ACK))
    for _ in range(3):
        api.press(1, "ack")
    _, first = call(api, "getUpdates", limit="2")
    _, again = call(api, "getUpdates", limit="2")
    assert first == again
    _, rest = call(api, "getUpdates", offset=str(first[-1]["update_id"] + 1))
    assert [update["update_id"] for update in rest] == [first[-1]["update_id"] + 1]
    # Confirmed updates are gone, also for a request without an offset.
    assert call(api, "getUpdates")[1] == rest
    api.update(message={"text": "hello"})
    assert len(call(api, "getUpdates")[1]) == 2
    # The filter holds for updates from then on, also without it.
    assert len(call(api, "getUpdates", allowed_updates='["callback_query"]')[1]) == 2
    api.update(message={"text": "hello again"})
    assert len(call(api, "getUpdates")[1]) == 2
    assert len(call(api, "getUpdates", offset="-1")[1]) == 1


def test_a_press_is_answered_once_in_time_and_briefly(api: BotApi) -> None:
    send(api, text="one", reply_markup=keyboard(ACK))
    first, late = api.press(1, "ack"), api.press(1, "ack")
    api.expire(late)
    assert "MESSAGE_TOO_LONG" in call(api, "answerCallbackQuery", callback_query_id=first, text="x" * 201)[1]
    assert call(api, "answerCallbackQuery", callback_query_id=first, text="seen") == (200, True)
    for query in (first, late, "made up"):
        code, description = call(api, "answerCallbackQuery", callback_query_id=query)
        assert (code, "query is too old" in description) == (400, True)
    assert api.answers == {first: "seen"}


def test_only_a_button_that_is_there_can_be_pressed(api: BotApi) -> None:
    send(api, text="one", reply_markup=keyboard(ACK))
    with pytest.raises(AssertionError):
        api.press(1, "mute")
