"""What the demo says at its end: what it did, and where to look."""

import shlex
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import DAILY_METRICS, DELIVERIES, full_name, open_warehouse


def print_summary(folder: Path, day: date) -> None:
    """Print the result's rows, the report, the alerts that were sent, and one command to try next.

    Parameters
    ----------
    folder : Path
        The demo's directory.
    day : date
        The reported day.
    """
    outbox = folder / "outbox"
    engine = open_warehouse()
    print(f"\nThe day {day} in {full_name(DAILY_METRICS)}, by gender and os (by age there is more):\n", flush=True)
    rows = statement("demo_result", daily_metrics=full_name(DAILY_METRICS), day=Fragment(f"toDate('{day}')"))
    for piece in engine.dump(rows, "PrettyCompactMonoBlock"):
        sys.stdout.buffer.write(piece)
    sys.stdout.flush()

    report = outbox / f"daily_report-{day}"
    print(f"\nThe morning report, its picture in {_short(report.with_suffix('.png'))}:\n")
    print(_indented(report.with_suffix(".txt")))

    sent = engine.query(statement("demo_alerts", deliveries=full_name(DELIVERIES)))
    print_incidents(outbox, [key for (key,) in sent])

    question = (
        "SELECT slot, metric, value, expected, score FROM test.slot_checks WHERE verdict = 'anomaly' ORDER BY slot"
    )
    print(
        f"\nAll messages with their pictures: open {_short(outbox / 'index.html')} in a browser."
        f"\nThe hidden incidents, for comparison: table demo.incidents_truth."
        f"\nTry next:\n\n    LUIGI_CONFIG_PATH={shlex.quote(str(_short(folder / 'luigi.cfg')))} "
        f'{_short(Path(sys.executable).with_name("feedpulse"))} query --format PrettyCompact \\\n        "{question}"\n'
    )


def print_incidents(outbox: Path, sent: Sequence[str]) -> None:
    """Print each incident that people heard of: its message's name, then the replies, which say what it was.

    The message itself was edited: it tells no longer what it began with.

    Parameters
    ----------
    outbox : Path
        Where the messages are.
    sent : sequence of str
        Their keys, a reply's after that of its message: ``alert-...-views``, ``alert-...-views-recovered``.
    """
    replies: dict[str, list[str]] = {}
    for key in sent:
        message = next((known for known in replies if key.startswith(f"{known}-")), "")
        if message:
            replies[message].append(key)
        else:
            replies[key] = []
    print(f"\n{len(replies)} incidents were told while the day was played: each in ONE message, edited as long as it")
    print("lasted, and in replies to it, because an edit makes no sound. The replies:\n")
    for message, answers in replies.items():
        print(f"    {message}")
        for key in answers or [message]:
            first, *rest = (outbox / f"{key}.txt").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
            print("\n".join([f"        {first}", *(f"            {line}" for line in rest)]))


def _indented(path: Path) -> str:
    return "\n".join(f"    {line}".rstrip() for line in path.read_text(encoding="utf-8").splitlines())


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
