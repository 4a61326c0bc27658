"""One HTML page of many messages: text and picture together, for phones and desktops, light and dark, offline."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import quote

_STYLE = """
:root { color-scheme: light dark;
        --ground: #f2f4f6; --card: #ffffff; --ink: #1d2126; --quiet: #5c6570; --link: #005f99; --line: #c9d0d7; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171a; --card: #1f2429; --ink: #e8eaed; --quiet: #9aa4ae; --link: #7cc4f0; --line: #48515a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 72rem; background: var(--ground); color: var(--ink);
       font: 1rem/1.5 system-ui, sans-serif; }
header { margin: 0 0 1rem; color: var(--quiet); }
h1 { margin: 0; font-size: 1.25rem; color: var(--ink); }
article { margin: 0 0 1rem; padding: 1rem; background: var(--card); border-radius: .75rem; overflow-wrap: anywhere;
          display: grid; gap: 1rem; align-items: start; }
article:target { outline: 3px solid var(--link); }
@media (min-width: 56rem) { article.pictured { grid-template-columns: 2fr 3fr; } }
.text { min-width: 0; }
.said { white-space: pre-line; }
.buttons { display: grid; grid-template-columns: repeat(2, 1fr); gap: .375rem; margin: .75rem 0 0; padding: 0;
           list-style: none; font-size: .875rem; text-align: center; }
.buttons li { padding: .375rem; border: 1px solid var(--line); border-radius: .5rem; color: var(--quiet); }
details { font-size: .875rem; }
summary { color: var(--link); cursor: pointer; }
.earlier, .reply { margin-top: .75rem; padding-left: .75rem; border-left: 3px solid var(--line); }
.below { grid-column: 1 / -1; min-width: 0; }
.below > .reply:first-child { margin-top: 0; }
.reply { border-color: var(--link); }
.reply:target { outline: 3px solid var(--link); }
img { display: block; width: 100%; height: auto; background: #ffffff; border-radius: .5rem; }
footer { margin-top: .5rem; font-size: .875rem; color: var(--quiet); }
a { color: var(--link); }
"""


@dataclass(frozen=True)
class Version:
    """What a message said for a while.

    Parameters
    ----------
    html : str
        As in `reporting.message.Message`, which has checked it.
    written_at : datetime
        Aware.
    """

    html: str
    written_at: datetime


@dataclass(frozen=True)
class Entry:
    """A message on the page, with all of its life.

    Parameters
    ----------
    key, title, html : str
        As in `reporting.message.Message`, which has checked them.
    picture : str or None
        The picture's file, beside the page.
    written_at : datetime
        When it came to say this, aware.
    buttons : sequence of str
        Their labels.
    earlier : sequence of Version
        What it said before, oldest first.
    replies : sequence of Entry
        Messages that answer it, oldest first.
    """

    key: str
    title: str
    html: str
    picture: str | None
    written_at: datetime
    buttons: Sequence[str] = ()
    earlier: Sequence[Version] = ()
    replies: Sequence["Entry"] = ()

    @property
    def touched_at(self) -> datetime:
        """When anything last happened to it, aware."""
        return max(self.written_at, *(reply.written_at for reply in self.replies)) if self.replies else self.written_at


def render(entries: Sequence[Entry]) -> str:
    """Return the page; nothing on it runs or is loaded from elsewhere."""
    total = sum(1 + len(entry.replies) for entry in entries)
    count = f"{total} message{'' if total == 1 else 's'}"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src 'self' file:; \
style-src 'unsafe-inline'">
<title>feedpulse: outbox</title>
<style>{_STYLE}</style>
</head>
<body>
<header><h1>feedpulse: outbox</h1>{count}, newest first</header>
<main>
{"".join(_article(entry) for entry in entries)}</main>
</body>
</html>
"""


def _article(entry: Entry) -> str:
    pictured = ' class="pictured"' if entry.picture is not None else ""
    replies = "".join(
        f'<section class="reply" id="{escape(reply.key)}">\n{_body(reply)}{_earlier(reply)}</section>\n'
        for reply in entry.replies
    )
    below = _earlier(entry) + replies
    if below:
        below = f'<div class="below">\n{below}</div>\n'
    return f'<article id="{escape(entry.key)}"{pictured}>\n{_body(entry)}{below}</article>\n'


def _body(entry: Entry) -> str:
    """Return the text and the buttons of a message, then its picture."""
    buttons = "".join(f"<li>{escape(label)}</li>" for label in entry.buttons)
    if buttons:
        buttons = f'<ul class="buttons">{buttons}</ul>\n'
    image = ""
    if entry.picture is not None:
        source = quote(entry.picture)
        image = f'<a href="{source}"><img src="{source}" alt="{escape(entry.title)}" loading="lazy"></a>\n'
    said = _said(entry.html, "changed" if entry.earlier else "written", entry.written_at)
    return f'<div class="text">\n{said}{buttons}</div>\n{image}'


def _earlier(entry: Entry) -> str:
    """Return what a message said before, folded."""
    if not entry.earlier:
        return ""
    count = f"{len(entry.earlier)} earlier version{'' if len(entry.earlier) == 1 else 's'}"
    versions = "".join(
        f'<div class="earlier">\n{_said(version.html, "written", version.written_at)}</div>\n'
        for version in entry.earlier
    )
    return f"<details><summary>{count}</summary>\n{versions}</details>\n"


def _said(html: str, verb: str, moment: datetime) -> str:
    local = moment.astimezone()
    time = f'<time datetime="{local.isoformat()}">{local:%Y-%m-%d %H:%M}</time>'
    return f'<div class="said">{html}</div>\n<footer>{verb} {time}</footer>\n'
