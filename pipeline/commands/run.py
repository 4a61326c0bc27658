"""``feedpulse run``: runs a task and the tasks that it requires, with Luigi."""

import contextlib
import difflib
import io
import re
import sys
import textwrap
from collections.abc import Sequence

from pipeline.commands.common import PROGRAM, WRONG_USAGE
from pipeline.core import files
from pipeline.core.errors import SettingsError

SUMMARY = "run a task: Daily, Morning, Alerts, Presses, Weekly or any other"

HELP = """\
usage: {program} run TASK [LUIGI'S ARGUMENTS]

Run a task and the tasks that it requires. These need no arguments:
{roots}
Other tasks:
{others}

Luigi's arguments, among others:
  --local-scheduler        run without luigid
  --workers N              run up to N tasks at once
  --SECTION-SETTING VALUE  override a setting of luigi.cfg: --report-language ru
  --help                   after the task: show all of them

exit codes (luigi.cfg [retcode] can change those from 10):
  0 done or nothing to do; 2 wrong usage; 10 already running; 20 missing data;
  25 not run; 30 task failed; 35 not scheduled (settings, dates, connection);
  40 any other error
"""


def main(arguments: Sequence[str]) -> int:
    """Run Luigi's command for the task that comes first; all other arguments are Luigi's."""
    try:
        files.check(needed=bool(arguments) and not arguments[0].startswith("-"))
        return _run(arguments)
    except SettingsError as error:
        files.print_refusal(f"{PROGRAM} run", error)
        _say_refused(arguments, error)
        return files.REFUSED


def _say_refused(arguments: Sequence[str], error: SettingsError) -> None:
    """Say the refusal in the channels, if Luigi can read the files at all."""
    with contextlib.suppress(Exception):
        from pipeline.tasks import supervision

        supervision.refused(arguments, error)


def _run(arguments: Sequence[str]) -> int:
    from luigi.retcodes import run_with_retcodes
    from luigi.task_register import TaskClassNotFoundException

    from pipeline import tasks
    from pipeline.core import process
    from pipeline.tasks import supervision

    if arguments and arguments[0] in ("-h", "--help"):
        print(_help(tasks.__all__), end="")
        return 0
    if not arguments or arguments[0].startswith("-"):
        return _refuse("name the task first", tasks.__all__)
    process.install()
    supervision.install()
    luigis = ["--module", "pipeline", *arguments]
    try:
        problem = _wrong_arguments(arguments[0], luigis)
        if problem:
            print(f"{PROGRAM} run: {problem}", file=sys.stderr)
            return WRONG_USAGE
        run_with_retcodes(luigis)
    except TaskClassNotFoundException:
        return _refuse(f"no task is called {arguments[0]}{_near(arguments[0], tasks.__all__)}", tasks.__all__)
    except SystemExit as end:  # Luigi always ends with it
        return end.code if isinstance(end.code, int) else 0
    return 0


def _wrong_arguments(root: str, arguments: Sequence[str]) -> str:
    """Return what Luigi's parser finds wrong, without the page of usage that it prints; '' if nothing."""
    from luigi.cmdline_parser import CmdlineParser
    from luigi.task_register import Register

    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            CmdlineParser(arguments)
    except SystemExit as end:
        if end.code != WRONG_USAGE:  # --help
            raise
        problem = printed.getvalue().rpartition("error: ")[2].strip()
        flags = [
            f"--{flag}".replace("_", "-")
            for task, bare, name, _ in Register.get_all_params()
            for flag in ([name] if bare else [f"{task}-{name}", name] if task == root else [f"{task}-{name}"])
        ]
        wrong = re.search(r"--[\w-]+", problem)
        return problem + (_near(wrong[0], flags) if wrong else "")
    return ""


def _near(wrong: str, valid: Sequence[str]) -> str:
    near = difflib.get_close_matches(wrong, valid, n=1)
    return f"; did you mean {near[0]}?" if near and near[0] != wrong else ""


def _help(tasks: Sequence[str]) -> str:
    from pipeline.tasks.roots import ROOTS

    others = ", ".join(task for task in tasks if task not in ROOTS)
    return HELP.format(
        program=PROGRAM,
        roots="\n".join(f"  {task:<8} {text}" for task, text in ROOTS.items()),
        others=textwrap.indent("\n".join(textwrap.wrap(others, 76)), "  "),
    )


def _refuse(problem: str, tasks: Sequence[str]) -> int:
    print(f"{PROGRAM} run: {problem} (tasks: {', '.join(tasks)})", file=sys.stderr)
    return WRONG_USAGE
