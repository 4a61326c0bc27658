"""One HTML page of many messages: text and picture together, for phones and desktops, light and dark, offline."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import quote

_STYLE = """
:root { color-scheme: light dark;
        --ground: #f2f4f6; --card: #ffffff; --ink: #1d2126; --quiet: #5c6570; --link: #005f99; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171a; --card: #1f2429; --ink: #e8eaed; --quiet: #9aa4ae; --link: #7cc4f0; }
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
.text { white-space: pre-line; min-width: 0; }
img { display: block; width: 100%; height: auto; background: #ffffff; border-radius: .5rem; }
footer { margin-top: .75rem; font-size: .875rem; color: var(--quiet); }
a { color: var(--link); }
"""


@dataclass(frozen=True)
class Entry:
    """A message on the page.

    Parameters
    ----------
    key, title, html : str
        As in `reporting.message.Message`, which has checked them.
    picture : str or None
        The picture's file, beside the page.
    written_at : datetime
        Aware.
    """

    key: str
    title: str
    html: str
    picture: str | None
    written_at: datetime


def render(entries: Sequence[Entry]) -> str:
    """Return the page; nothing on it runs or is loaded from elsewhere."""
    count = f"{len(entries)} message{'' if len(entries) == 1 else 's'}"
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
    written_at = entry.written_at.astimezone()
    pictured = ""
    image = ""
    if entry.picture is not None:
        source = quote(entry.picture)
        pictured = ' class="pictured"'
        image = f'<a href="{source}"><img src="{source}" alt="{escape(entry.title)}" loading="lazy"></a>\n'
    return f"""<article id="{escape(entry.key)}"{pictured}>
<div class="text">{entry.html}<footer>written <time datetime="{written_at.isoformat()}">{written_at:%Y-%m-%d %H:%M}\
</time></footer></div>
{image}</article>
"""
