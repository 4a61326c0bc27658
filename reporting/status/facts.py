"""What the status page shows, as plain values that JSON can hold. Moments are ISO 8601 with an offset."""

from typing import Literal, NotRequired, TypedDict

from reporting.formatting import Format

ProblemKind = Literal["unreadable", "days", "run", "unchecked", "stalled", "incident", "unsent", "undropped"]
RunOutcome = Literal["ok", "failed", "refused", "not scheduled", "already running", "not run", "error"]
End = Literal["open", "recovered", "new normal", "late data", "wrong clock", "false alarm"]


class Problem(TypedDict):
    """Something that is not well."""

    kind: ProblemKind
    subject: str
    """The days, the task, the metrics or the key of the message that it is about; may be empty."""
    at: str | None
    outcome: NotRequired[RunOutcome]
    """How a run ended."""
    detail: str
    """A cause in the words of the program; may be empty."""


class Days(TypedDict):
    """The days that are kept loaded."""

    first: str
    last: str
    loaded: int
    missing: list[str]


class Run(TypedDict):
    """The newest run of a task."""

    began: str
    seconds: float
    outcome: RunOutcome
    did: str
    error: str
    newest_ok: str | None


class Slots(TypedDict):
    """The newest slot that was checked, and for how long slots receive rows, by source table."""

    newest_checked: str
    lag_seconds: dict[str, int]


class Load(TypedDict):
    """How a source table is loaded."""

    delay_seconds: int | None
    interval_seconds: int
    overdue: bool
    slots_are_checked: bool


class Lack(TypedDict):
    """A metric whose history is too short."""

    metric: str
    known_days: int
    needed_days: int
    checked_from: str


class Open(TypedDict):
    """An open incident."""

    id: str
    metrics: list[str]
    opened: str
    worst: float
    silent_since: str | None
    notified: bool
    acknowledged_by: list[str]
    """People; '' for one whose name is not shown."""
    muted_until: str | None
    mark: str


class Mute(TypedDict):
    """A mute that holds."""

    metric: str
    until: str
    by: str
    """'' if the name is not shown."""
    why: str


class Past(TypedDict):
    """An incident of which people were told."""

    key: str
    """The key of its message."""
    metrics: list[str]
    opened: str
    until: str | None
    """None while it is open."""
    worst: float
    end: End


class Weeks(TypedDict):
    """A metric's last four weeks: a picture of `reporting.status.draw`, and what is written beside it."""

    metric: str
    format: Format
    file: str
    low: float | None
    high: float | None
    """The ends of its axis; None without any value."""
    days: list[str]
    """The first day of each row."""


class Facts(TypedDict):
    """Everything on the page."""

    now: str
    gathered: str
    """The machine's time at which most of it was read."""
    until: str
    """The machine's time after which the page is old, because feedpulse would have written it; '' if unknown."""
    well: bool
    problems: list[Problem]
    days: Days | None
    runs: dict[str, Run]
    slots: Slots | None
    loads: dict[str, Load]
    learning: list[Lack]
    incidents: list[Open]
    mutes: list[Mute]
    history: list[Past]
    """The newest first."""
    history_days: int
    weeks: list[Weeks]
    labels: dict[str, str]
    """The name of each metric for people."""
    messages: str
    """Relative address of the page with the messages; '' if there is none."""
