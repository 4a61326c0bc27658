"""The summary at the end of the demo: results, messages, and a command to try."""

import shlex
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from pipeline.warehouse.statements import Fragment, statement
from pipeline.warehouse.tables import DAILY_METRICS, DELIVERIES, full_name, open_warehouse


def print_summary(folder: Path, day: date) -> None:
    """Print rows of the result, the report, the alerts that were sent, and a command to try.

    Parameters
    ----------
    folder : Path
        The demo's directory.
    day : date
        The reported day.
    """
    outbox = folder / "outbox"
    engine = open_warehouse()
    print(f"\nThe day {day} in {full_name(DAILY_METRICS)}, by gender and os (there is more by age):\n", flush=True)
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
        f"\nThe incidents that were put into the events: table demo.incidents_truth."
        f"\nTry next:\n\n    LUIGI_CONFIG_PATH={shlex.quote(str(_short(folder / 'luigi.cfg')))} "
        f'{_short(Path(sys.executable).with_name("feedpulse"))} query --format PrettyCompact \\\n        "{question}"\n'
    )


def print_incidents(outbox: Path, sent: Sequence[str]) -> None:
    """Print the key of each incident's message, then its replies, which say what happened.

    The message itself was edited and no longer shows its first text.

    Parameters
    ----------
    outbox : Path
        Where the messages are.
    sent : sequence of str
        The keys of the messages, each before those of its replies: ``alert-...-views``, ``alert-...-views-recovered``.
    """
    replies: dict[str, list[str]] = {}
    for key in sent:
        message = next((known for known in replies if key.startswith(f"{known}-")), "")
        if message:
            replies[message].append(key)
        else:
            replies[key] = []
    print(f"\n{len(replies)} incidents were posted while the day was played. Each is ONE message, edited while the")
    print("incident lasted, with replies, because an edit makes no sound. The replies:\n")
    for message, answers in replies.items():
        print(f"    {message}")
        for key in answers or [message]:
            first, *rest = (outbox / f"{key}.txt").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
            print("\n".join([f"        {first}", *(f"            {line}" for line in rest)]))


def _indented(path: Path) -> str:
    return "\n".join(f"    {line}".rstrip() for line in path.read_text(encoding="utf-8").splitlines())


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
