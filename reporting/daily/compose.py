"""Composes the morning report: the metrics of a day, their changes, and a picture of the last seven days."""

from datetime import date

from reporting import texts
from reporting.daily.model import DailyReport
from reporting.daily.picture import picture
from reporting.daily.text import html, title
from reporting.decoration import optional
from reporting.message import Message


def message_key(day: date) -> str:
    """Return the key of the report of a day."""
    return f"daily_report-{day.isoformat()}"


def compose(report: DailyReport, language: str) -> Message:
    """Write and draw the report of one day.

    Each metric has its change from the day before and from the same weekday a week before. If that day is missing or
    zero, the change is "-".

    Parameters
    ----------
    report : DailyReport
        The numbers.
    language : str
        Name of a module of `reporting.texts`.

    Returns
    -------
    Message
        Text and picture; without the picture if it cannot be drawn.

    Raises
    ------
    SettingsError
        If the language is unknown.
    """
    words = texts.load(language)
    heading, key = title(report, words), message_key(report.day)
    return Message(
        key=key,
        title=heading,
        html=html(report, words),
        picture=optional(f"picture of {key}", lambda: picture(report, heading, words)),
    )
