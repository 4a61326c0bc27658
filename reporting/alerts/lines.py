"""The lines of an incident's message; the least important are dropped if the text does not fit a caption."""

from collections.abc import Sequence
from dataclasses import dataclass

from reporting.message import escape, parsed_length
from reporting.texts.base import Texts

# Telegram's limit of a caption, in UTF-16 code units; no channel has a lower one.
TEXT_LIMIT = 1024

# Ranks of lines: if the text does not fit, lines of the highest rank are dropped first. Rank 0 is never dropped.
MORE_DETAILS, LINKS, MORE_METRICS, MORE_CAUSES, DETAILS, CAUSE, LOSS, KEPT = 7, 6, 5, 4, 3, 2, 1, 0


@dataclass(frozen=True)
class Line:
    """A line of HTML and its rank. `metrics` is 1 for the headline of a metric, 0 for its details, None for others."""

    html: str
    rank: int = KEPT
    metrics: int | None = None


def fitted(lines: Sequence[Line], metrics: int, words: Texts) -> str:
    """Join the lines that fit a caption, and write how many metrics were dropped."""
    droppable = sorted((i for i, line in enumerate(lines) if line.rank), key=lambda i: (-lines[i].rank, -i))
    for count in range(len(droppable) + 1):
        dropped = set(droppable[:count])
        html = _joined([line for i, line in enumerate(lines) if i not in dropped], metrics, words)
        if parsed_length(html) <= TEXT_LIMIT:
            break
    # The lines of rank 0 always fit: their labels and names are shortened.
    return html


def bold(text: str) -> str:
    """Return a text in bold."""
    return f"<b>{escape(text)}</b>"


def _joined(lines: Sequence[Line], metrics: int, words: Texts) -> str:
    shown = [line.html for line in lines]
    about = [i for i, line in enumerate(lines) if line.metrics is not None]
    if (left := metrics - sum(lines[i].metrics or 0 for i in about)) > 0:
        shown.insert(about[-1] + 1, escape(words.more(left)))
    return "\n".join(shown)
