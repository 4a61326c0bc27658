import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.errors import ReportingError
from reporting.message import Button, Message, escape, link, parsed_length, plain_text, shorten, split, utf16_length
from tests.reporting.samples import HOSTILE, message, png
from tests.servers.bot_rules import parse_html

anything = st.text(st.characters(), max_size=60)


@given(anything)
def test_any_value_survives_escaping_and_reads_the_same_for_telegram(value: str) -> None:
    html = f"<b>{escape(value)}</b>"
    assert plain_text(html) == parse_html(html)
    assert "\n" not in html
    assert "\u202e" not in html
    html.encode()


@given(anything, anything)
def test_a_link_is_an_anchor_only_for_http(label: str, url: str) -> None:
    html = link(label, url)
    assert plain_text(html) == plain_text(escape(label))
    assert ("<a" in html) == url.startswith(("http://", "https://")) or "<a" not in html
    parse_html(html)


def test_a_link_keeps_its_address_and_refuses_a_script() -> None:
    assert link("a & b", "https://bi.example/?x=1&y=2") == '<a href="https://bi.example/?x=1&amp;y=2">a &amp; b</a>'
    assert link("x", "javascript:alert(1)") == "x"
    assert link("x", 'https://e"onclick="alert(1)') == "x"


@pytest.mark.parametrize(
    "html",
    ["<u>x</u>", "<b>x", "x</b>", "<b><i>x</b></i>", '<a href="javascript:x">x</a>', "1 < 2", "<script>x</script>"],
)
def test_what_is_not_in_the_subset_is_refused(html: str) -> None:
    with pytest.raises(ReportingError, match="message"):
        Message("key", "title", html)


def test_lengths_are_utf16_code_units_after_parsing() -> None:
    assert utf16_length("Ж") == 1
    assert utf16_length("😀") == 2
    assert parsed_length('<a href="https://e.example/long">&lt;😀&gt;</a>') == 4


@given(anything, st.integers(1, 30))
def test_shortening_keeps_within_the_limit_and_cuts_no_character(value: str, limit: int) -> None:
    short = shorten(value, limit)
    assert utf16_length(short) <= limit
    short.encode()
    categories = [unicodedata.category(character) for character in value]
    if utf16_length(value) <= limit and value.isprintable() and categories.count("Mn") + categories.count("Me") < 3:
        assert short == value


@given(st.lists(st.tuples(st.sampled_from(["{}", "<b>{}</b>", "<i>{}"]), anything)), st.integers(2, 40))
def test_splitting_loses_no_text_and_every_part_fits(lines: list[tuple[str, str]], limit: int) -> None:
    html = "\n".join(form.format(escape(value)) for form, value in lines)
    html += "</i>" * html.count("<i>")
    parts = split(html, limit)
    assert all(0 < parsed_length(part) <= limit for part in parts)
    kept = "".join(plain_text(part) for part in parts)
    assert "".join(kept.split()) == "".join(plain_text(html).split())


def test_splitting_keeps_markup_of_whole_lines() -> None:
    assert split("<b>one</b>\n<i>two</i>\nthree", 8) == ["<b>one</b>\n<i>two</i>", "three"]


def test_splitting_parses_each_line_a_few_times_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = 0

    def counted(html: str) -> str:
        nonlocal parsed
        parsed += len(html)
        return plain_text(html)

    monkeypatch.setattr("reporting.message.plain_text", counted)
    html = "\n".join(["<b>a</b>"] * 5_000)
    assert len(split(html, 4096)) == 3
    assert parsed < 4 * len(html)


@pytest.mark.parametrize("key", ["", "../x", "a/b", "a b", ".hidden", "x" * 151, "ж", "a\n"])
def test_a_key_that_is_no_file_name_is_refused(key: str) -> None:
    with pytest.raises(ReportingError, match="not a file name"):
        message(key=key)


def test_an_empty_text_and_a_picture_that_is_none_are_refused() -> None:
    with pytest.raises(ReportingError, match="a text are needed"):
        message(html="<b> </b>")
    for title, html in (("two\nlines", "x"), ("x", "\ud800"), ("x", "a\u202eb")):
        with pytest.raises(ReportingError, match="unprintable"):
            Message("key", title, html)
    with pytest.raises(ReportingError, match="not a PNG"):
        message(picture=b"GIF89a")
    assert message(picture=png()).plain == "Likes: 1 < 2"


def test_a_hostile_label_becomes_one_line() -> None:
    assert escape(HOSTILE).startswith('Robert"); &lt;b&gt;&amp;amp; $x^2$ &lt;/a&gt;   漢字 long')


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Z\u0310\u030d\u0301\u0360\u0488algo", "Z\u0310\u030dalgo"),  # a pile of accents covers other lines
        ("И\u0306\u0301", "И\u0306\u0301"),  # two on a letter are spelling
        ("i\u200bO\u200dS\ufeff\u00ad\u2060", "iOS"),  # nobody sees these
        ("\u200fabc\u200e\u061c", "abc"),  # they turn what follows around
        ("\U000e0041\U000e007fx", "x"),
        ("й café 漢字", "й café 漢字"),
    ],
)
def test_no_value_draws_over_its_neighbours(value: str, shown: str) -> None:
    assert escape(value) == shown
    assert shorten(value, 100) == shown


@pytest.mark.parametrize(("label", "data"), [("", "x"), (" ", "x"), ("a\nb", "x"), ("a", ""), ("a", "ж" * 33)])
def test_a_button_that_a_chat_would_refuse_is_refused_here(label: str, data: str) -> None:
    with pytest.raises(ReportingError, match="button"):
        Button(label, data)


def test_the_longest_data_of_a_button() -> None:
    assert Button("a", "ж" * 32).data == "ж" * 32
