"""The configuration files: which are read, and what is refused in them before Luigi reads them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import tasks
from pipeline.core import files, overrides, settings
from pipeline.core.errors import SettingsError
from tests.pipeline.configuration import configured

ROOT = Path(__file__).parents[3]

INSTALL = """
import sys
sys.path.insert(0, sys.argv[1])
sys.argv[0] = "/somewhere/bin/feedpulse"
from pipeline.core import files
files.check()
from pipeline.core import process
process.install()
from luigi.configuration import get_config
"""


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUIGI_CONFIG_PATH", raising=False)
    return tmp_path


def installed(program: str, *, cwd: Path, **environment: str) -> str:
    """What a program prints after a command has prepared its process."""
    done = subprocess.run(
        [sys.executable, "-c", INSTALL + program, str(ROOT)],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[alert]\nmetrics = views\n", "nothing reads the section [alert]; did you mean [alerts]?"),
        (b"[Alerts]\nmetrics = views\n", "[Alerts]; did you mean [alerts]?"),
        (b"[metrics.ctr]\ndetector = iqr\n", "[metrics.ctr]; did you mean [metric.ctr]?"),
        (b"[retcodes]\ntask_failed = 7\n", "[retcodes]; did you mean [retcode]?"),
        (b"\xef\xbb\xbf[alerts]\n", "BOM); save it as UTF-8 without BOM"),
        ("[alerts]\n# привет\n".encode("cp1251"), "not UTF-8"),
        (b"[alerts]\n[etl]\n[alerts]\n", " line 3: the section [alerts] is there twice"),
        (b"[etl]\nstart =\nstart = 2026-11-01\n", " line 3: [etl] start is there twice"),
        (b"[etl]\ntable = t\n[alerts]\nviews\n", " line 4, in [alerts]: not a [section]"),
        (b"views = 1\n", " line 1: not a [section]"),
        (b'[alerts]\nlinks = ["https://bi.example/?q=a%20b"]\n', " [alerts] links: write %% for %."),
        (b"[metric.ctr]\nlinks = 5 %\n", " [metric.ctr] links: write %% for %."),
        (b"[warehouse]\nhost = ${NO_SUCH_NAME}\n", "[warehouse] host: the environment has no variable NO_SUCH_NAME"),
    ],
)
@pytest.mark.parametrize("name", ["luigi.cfg", "feedpulse.cfg"])
def test_a_mistake_is_one_line_with_the_file(directory: Path, name: str, content: bytes, says: str) -> None:
    (directory / name).write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        files.check()
    text = str(caught.value)
    assert text.startswith(str(directory / name))
    assert says in text
    assert "\n" not in text


def test_no_file_in_reach(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=rf"{directory} has no feedpulse.cfg and no luigi.cfg: .*LUIGI_CONFIG_PATH"):
        files.check()
    files.check(needed=False)
    monkeypatch.setenv("LUIGI_CONFIG_PATH", "absent.cfg")
    for needed in (True, False):
        with pytest.raises(SettingsError, match=rf"{directory}/absent.cfg: no such file; correct LUIGI_CONFIG_PATH"):
            files.check(needed=needed)
    monkeypatch.setenv("LUIGI_CONFIG_PATH", str(directory))
    with pytest.raises(SettingsError, match="no such file"):
        files.check()


def test_a_file_to_compare_with_is_held_to_the_same(directory: Path) -> None:
    other = directory / "other.cfg"
    for content, says in (("[alert]\n", "did you mean"), ("[alerts]\n[alerts]\n", "twice"), ("\ufeff[etl]\n", "BOM")):
        other.write_text(content, encoding="utf-8")
        with pytest.raises(SettingsError, match=says), overrides.from_file(other):
            pass
    other.write_text("[alerts]\nlinks = [5 %]\n")
    with pytest.raises(SettingsError, match="write %% for %"), overrides.from_file(other):
        pass
    other.write_text("[alerts]\nlinks = []\nhistory_days = 3\n")
    with configured(), overrides.from_file(other):
        assert settings.AlertSettings().history_days == 3


def test_toml_is_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (directory / "own.toml").write_text("[alerts]\n")
    monkeypatch.setenv("LUIGI_CONFIG_PATH", "own.toml")
    with pytest.raises(SettingsError, match=r"own.toml: feedpulse reads .cfg files only"):
        files.check()


def test_what_is_right_is_accepted(directory: Path) -> None:
    (directory / "luigi.cfg").write_bytes((ROOT / "luigi.cfg").read_bytes())
    (directory / "feedpulse.cfg").write_text(
        "[DEFAULT]\nhome = /srv\n[warehouse]\npath = %(home)s/${USER_OF_TEST}/100%%\n[metric.ctr]\n[calendar]\n"
        "[email]\nsender = 5 %\n[resources]\na = 1\n[cors]\n[hdfs]\n[AnotherTask]\n"
    )
    os.environ["USER_OF_TEST"] = "me"
    try:
        files.check()
    finally:
        del os.environ["USER_OF_TEST"]


def test_sections_of_tasks_are_no_misspellings(directory: Path) -> None:
    families = [family for family in tasks.__all__ if family != "Alerts"]  # it has no parameters
    (directory / "luigi.cfg").write_text("".join(f"[{family}]\n" for family in families))
    files.check()


def test_every_section_is_known() -> None:
    ours = {section.section for section in settings.SECTIONS} | {"outbox", "telegram"}
    assert set(files.OUR_SECTIONS) == ours | {"calendar"}
    shipped = files.parse(ROOT / "luigi.cfg")
    assert ours <= set(shipped.sections())


def test_the_default_paths_are_those_of_luigi_cfg() -> None:
    shipped = files.parse(ROOT / "luigi.cfg")
    assert {key: shipped.get(*key) for key in files.PATHS} == files.PATHS


def test_the_package_has_luigi_cfg() -> None:
    assert (ROOT / "pipeline" / "core" / "luigi.cfg").read_bytes() == (ROOT / "luigi.cfg").read_bytes()


VALUES = "print(*(get_config().get('etl', name, '-') for name in ('start', 'table', 'attribute_days')))"


def test_the_order_of_precedence(directory: Path) -> None:
    (directory / "luigi.cfg").write_text("[etl]\nstart = luigi\ntable = luigi\nattribute_days = luigi\n")
    assert installed(VALUES, cwd=directory) == "luigi luigi luigi"
    (directory / "feedpulse.cfg").write_text("[etl]\ntable = own\nattribute_days = own\n")
    assert installed(VALUES, cwd=directory) == "luigi own own"
    (directory / "named.cfg").write_text("[etl]\nattribute_days = named\n")
    assert installed(VALUES, cwd=directory, LUIGI_CONFIG_PATH="named.cfg") == "luigi luigi named"


def test_luigis_command_reads_the_users_own_file_too(directory: Path) -> None:
    (directory / "feedpulse.cfg").write_text("[etl]\ntable = own\n")
    program = "import sys; sys.path.insert(0, sys.argv[1]); sys.argv[0] = '/bin/luigi'; import pipeline\n"
    program += "from luigi.configuration import get_config; print(get_config().get('etl', 'table'))"
    done = subprocess.run([sys.executable, "-c", program, str(ROOT)], capture_output=True, text=True, check=True)
    assert done.stdout == "own\n"


PATHS = "print(*(get_config().get(*key, '-') or '-' for key in files.PATHS))"


def test_relative_paths_belong_to_the_users_file(directory: Path) -> None:
    elsewhere = directory / "elsewhere"
    elsewhere.mkdir()
    own = elsewhere / "100%.cfg"
    own.write_text("[warehouse]\npath = data\nca_certs = ca.crt\n[delivery]\nlock_path = /run/locks\n")
    assert installed(PATHS, cwd=directory, LUIGI_CONFIG_PATH=str(own)).split() == [
        f"{elsewhere}/data",
        f"{elsewhere}/ca.crt",
        "-",
        "-",
        f"{elsewhere}/var/outbox",
        "/run/locks",
        "-",
    ]
    # What another file says belongs to the working directory, as before.
    (directory / "luigi.cfg").write_text("[warehouse]\npath = mine\n[outbox]\npath = messages\n")
    found = installed(PATHS, cwd=directory, LUIGI_CONFIG_PATH=str(own)).split()
    assert (found[0], found[4]) == (f"{elsewhere}/data", "messages")


def test_without_a_file_of_ones_own_paths_belong_to_the_working_directory(directory: Path) -> None:
    (directory / "luigi.cfg").write_text("[warehouse]\npath = mine\n")
    assert installed(PATHS, cwd=directory).split()[0] == "mine"


@pytest.mark.parametrize("section", ["warehouse", "outbox"])
def test_what_lies_where_the_path_pointed_before_is_not_left_behind(directory: Path, section: str) -> None:
    (directory / "conf").mkdir()
    (directory / "var" / section).mkdir(parents=True)
    (directory / "conf" / "own.cfg").write_text(f"[{section}]\npath = var/{section}\n")
    said = installed(PATHS, cwd=directory, LUIGI_CONFIG_PATH="conf/own.cfg").splitlines()[-1]
    assert f"[{section}] path = var/{section} is {directory}/conf/var/{section}" in said
    assert f"and not {directory}/var/{section}: give the full path" in said
    (directory / "conf" / "var" / section).mkdir(parents=True)
    assert installed(PATHS, cwd=directory, LUIGI_CONFIG_PATH="conf/own.cfg").startswith(f"{directory}/conf/var")


def test_each_configuration_and_user_has_locks_of_its_own(directory: Path) -> None:
    program = "print(get_config().get('core', 'lock_pid_dir'))"
    (directory / "other").mkdir()
    for place in (directory, directory / "other"):
        (place / "luigi.cfg").write_text("[etl]\n")
    here, there = installed(program, cwd=directory), installed(program, cwd=directory / "other")
    assert here == installed(program, cwd=directory)
    assert here != there
    assert Path(here).parent.is_dir()  # Luigi makes the last directory only
    again = "import os; os.getuid = lambda: 4711; get_config().remove_option('core', 'lock_pid_dir'); process.install()"
    assert "feedpulse-4711-" in installed(f"{again}; {program}", cwd=directory)
    (directory / "luigi.cfg").write_text("[core]\nlock_pid_dir = /run/mine\n")
    assert installed(program, cwd=directory) == "/run/mine"
