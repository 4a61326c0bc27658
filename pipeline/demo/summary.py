"""The summary at the end of the demo: results, where each incident was told, and commands to try."""

import shlex
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from pipeline.alerts.incidents import Incident, store
from pipeline.alerts.incidents.incident import message_key
from pipeline.core import clock, dimensions, settings
from pipeline.core.metrics import BY_NAME
from pipeline.demo.scenario import LabelledIncident
from pipeline.demo.words import Words
from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import DAILY_METRICS, DELIVERIES, full_name, open_warehouse
from reporting import texts

REPLAY = "replay"
"""The directory of the replayed day, in that of the demo."""


def print_summary(folder: Path, day: date, hidden: Sequence[LabelledIncident], words: Words) -> None:
    """Print rows of the result, the report, where each incident was told, and commands to try.

    Parameters
    ----------
    folder : Path
        The demo's directory.
    day : datetime.date
        The reported day; it and the time since were checked.
    hidden : sequence of LabelledIncident
        The incidents that were put into the events.
    words : Words
        The language.
    """
    outbox = folder / "outbox"
    engine = open_warehouse()
    print(f"\n{words.result.format(day=day, table=full_name(DAILY_METRICS))}\n", flush=True)
    rows = statement("demo_result", daily_metrics=full_name(DAILY_METRICS), day=Fragment(f"toDate('{day}')"))
    for piece in engine.dump(rows, "PrettyCompactMonoBlock"):
        sys.stdout.buffer.write(piece)
    sys.stdout.flush()

    report = outbox / f"daily_report-{day}"
    print(f"\n{words.report.format(picture=_short(report.with_suffix('.png')))}\n")
    print(_indented(report.with_suffix(".txt")))

    checked_from = clock.day_bounds(day)[0]
    told = [item for item in store.load_between(checked_from, clock.utcnow() + clock.SLOT) if item.notified]
    print(f"\n{words.hidden}\n")
    for item in hidden:
        print(f"    {_described(item, words)}\n        {_where(item, told, folder, words)}")
    sent = engine.query(statement("demo_alerts", deliveries=full_name(DELIVERIES)))
    print_incidents(outbox, [key for (key,) in sent], words)

    print(f"\n{words.pages}\n")
    for name in ("status", "outbox"):
        print(f"    {(folder / name / 'index.html').absolute().as_uri()}")
    print(f"\n{words.try_next}\n")
    print("\n\n".join(tries(folder, day, words)))


def tries(folder: Path, day: date, words: Words) -> list[str]:
    """Return three commands to try, each below a comment; `day` is the reported one."""
    program = _short(Path(sys.executable).with_name("feedpulse"))
    command = f"LUIGI_CONFIG_PATH={shlex.quote(str(_short(folder / 'luigi.cfg')))} {shlex.quote(str(program))}"
    question = (
        "SELECT slot, metric, value, expected FROM test.slot_checks WHERE verdict = 'anomaly' ORDER BY slot, metric"
    )
    lines = (
        f'query --format PrettyCompact "{question}"',
        f"verify --from {settings.EtlSettings().start}",
        f"report --test --date {day}",
    )
    return [f"    # {what}\n    {command} {line}" for what, line in zip(words.tries, lines, strict=True)]


def _described(item: LabelledIncident, words: Words) -> str:
    """Return e.g. "level shift: Views −25%, source ads, 14 Nov 15:00–18 Nov 15:00"."""
    language = settings.ReportSettings().language
    said = texts.load(language)
    metric = next(BY_NAME[name] for name in item.metrics if BY_NAME[name].is_additive)
    part = f", {dimensions.label(item.dimension, language)} {item.dimension_value}" if item.dimension != "total" else ""
    start, end = (clock.to_local(moment.replace(tzinfo=None)) for moment in (item.start, item.end))
    until = f"{end:%H:%M}" if end.date() == start.date() else f"{said.short_date(end.date())} {end:%H:%M}"
    span = f"{said.short_date(start.date())} {start:%H:%M}–{until}"
    return (
        f"{words.kinds[item.kind]}: {metric.label_in(language)} {said.percent(item.size, 0, signed=True)}{part}, {span}"
    )


def _where(item: LabelledIncident, told: Sequence[Incident], folder: Path, words: Words) -> str:
    """Return where an incident was told, or would have been."""
    start, end = (moment.replace(tzinfo=None) for moment in (item.start, item.end))
    for incident in told:
        is_same = start - clock.SLOT <= incident.opened < end
        if is_same and {member.metric for member in incident.members} & set(item.metrics):
            return f"{_short(folder / 'outbox' / 'index.html')}#{message_key(incident.incident_id)}"
    replayed = folder / REPLAY / "ours"
    since, until = (f"alert-{moment:%Y-%m-%dT%H%M}Z" for moment in (start, end))
    for path in sorted(replayed.glob("alert-*.txt")):
        if since <= path.stem < until:
            return f"{_short(replayed / 'index.html')}#{path.stem} ({words.replayed})"
    return words.unseen


def print_incidents(outbox: Path, sent: Sequence[str], words: Words) -> None:
    """Print the key of each incident's message, then its replies, which say what happened.

    The message itself was edited and no longer shows its first text.

    Parameters
    ----------
    outbox : Path
        Where the messages are.
    sent : sequence of str
        The keys of the messages, each before those of its replies: ``alert-...-views``, ``alert-...-views-recovered``.
    words : Words
        The language.
    """
    replies: dict[str, list[str]] = {}
    for key in sent:
        message = next((known for known in replies if key.startswith(f"{known}-")), "")
        if message:
            replies[message].append(key)
        else:
            replies[key] = []
    print(f"\n{words.replies}\n")
    for message, answers in replies.items():
        print(f"    {message}")
        for key in answers or [message]:
            first, *rest = (outbox / f"{key}.txt").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
            print("\n".join([f"        {first}", *(f"            {line}" for line in rest)]))


def _indented(path: Path) -> str:
    return "\n".join(f"    {line}".rstrip() for line in path.read_text(encoding="utf-8").splitlines())


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
