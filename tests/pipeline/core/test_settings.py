"""The shipped luigi.cfg has every setting with its true default."""

import configparser
import inspect
import re
from dataclasses import fields
from datetime import time
from pathlib import Path

import pytest

from pipeline.core import settings
from pipeline.core.errors import SettingsError
from reporting.channels import available, create
from tests.pipeline.configuration import configured

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shipped() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "luigi.cfg")
    return parser


@pytest.mark.parametrize("section", settings.SECTIONS, ids=lambda section: section.section)
def test_luigi_cfg_has_every_setting_with_its_default(
    section: type[settings.Section], shipped: configparser.ConfigParser
) -> None:
    with configured():
        defaults = {
            name: parameter.serialize(parameter.task_value(section.section, name))
            for name, parameter in section.get_params()
        }
    written = dict(shipped[section.section])
    assert {name: value.lower() for name, value in written.items()} == {
        name: value.lower() for name, value in defaults.items()
    }


@pytest.mark.parametrize("section", settings.SECTIONS, ids=lambda section: section.section)
def test_every_setting_has_a_docstring(section: type[settings.Section]) -> None:
    classes = [cls for cls in section.__mro__ if cls.__module__.startswith(settings.__name__)]
    lines = [line.strip() for cls in classes for line in inspect.getsource(cls).splitlines()]
    for name, _ in section.get_params():
        place = next(i for i, line in enumerate(lines) if line.startswith(f"{name} = "))
        assert lines[place + 1].startswith('"""'), name


@pytest.mark.parametrize("channel", available())
def test_luigi_cfg_has_every_setting_of_every_channel(
    channel: str, shipped: configparser.ConfigParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FEEDPULSE_TELEGRAM_TOKEN", "1:" + "a" * 35)
    written = dict(shipped[channel])
    made = create(channel, **written | ({"chats": "1"} if channel == "telegram" else {}))
    assert set(written) == {field.name for field in fields(made) if field.init}


def test_comments_stand_on_lines_of_their_own(shipped: configparser.ConfigParser) -> None:
    assert not [value for name in shipped.sections() for value in shipped[name].values() if "#" in value]


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"alerts": {"detectr": "sigma"}}, r"\[alerts\]: unknown setting detectr; it has adopt_hours, "),
        ({"metric__ctr": {"detecter": "sigma"}}, r"\[metric.ctr\]: unknown setting detecter; it has detector"),
        ({"metric__clicks": {}}, r"\[metric.clicks\].*unknown metric clicks"),
        ({"warehouse": {"engine": "oracle"}}, r"\[warehouse\] engine = oracle: use embedded, server or http"),
        ({"source": {"engine": "oracle"}}, r"\[source\] engine = oracle: use embedded, server or http"),
        ({"alerts": {"recovery_slots": "0"}}, r"\[alerts\] recovery_slots = 0: must be 1 or more"),
        (
            {"warehouse": {"database": "2test"}},
            r"\[warehouse\] database = '2test': .* letters, digits .* choose another",
        ),
        ({"etl": {"table": "a.b"}}, r"\[etl\] table = 'a.b': a name must have letters, digits"),
        ({"source": {"database": "sim-2023"}}, r"\[source\] database = 'sim-2023': .*make views"),
        ({"source": {"feed_table": "feed-actions"}}, r"\[source\] feed_table = 'feed-actions': "),
        ({"source": {"message_table": ""}}, r"\[source\] message_table = '': "),
        (
            {"warehouse": {"engine": "server", "host": "https://ch.example:8443/"}},
            r"\[warehouse\] host = https://ch.example:8443/: give the name alone, host = ch.example\.\n.*9440",
        ),
        ({"source": {"engine": "server", "host": "http://ch"}}, r"\[source\] host = http://ch: .* host = ch\."),
        (
            {"source": {"engine": "server", "host": "ch.example:9000"}},
            r"\[source\] host = ch.example:9000: write host = ch.example and port = 9000\.",
        ),
        ({"warehouse": {"engine": "server", "host": "[::1]:9000"}}, r"write host = \[::1\] and port = 9000\."),
        ({"source": {"engine": "server", "port": "70000"}}, r"\[source\] port = 70000: must be 1 to 65535\."),
        (
            {"warehouse": {"engine": "server", "alt_hosts": "ch2:9000, ch3:90x"}},
            r"\[warehouse\] alt_hosts: ch3:90x: write host:port",
        ),
        ({"etl": {"attribute_days": "-1"}}, r"\[etl\] attribute_days = -1: must be 0 or more"),
        ({"report": {"deadline": "noon"}}, r"\[report\] deadline = noon: not a local time; write it as 12:00"),
        ({"report": {"deadline": "24:00"}}, r"\[report\] deadline = 24:00: not a local time"),
    ],
)
def test_settings_that_nothing_reads_are_refused(sections: dict[str, dict[str, str]], message: str) -> None:
    with configured(**sections), pytest.raises(SettingsError, match=message):
        settings.check()


@pytest.mark.parametrize("host", ["::1", "[::1]", "127.0.0.1", "ch.example"])
def test_addresses_of_servers(host: str) -> None:
    with configured(warehouse={"engine": "server", "host": host}):
        settings.check()


@pytest.mark.parametrize("secure", [False, True])
def test_addresses_of_other_hosts(secure: bool) -> None:
    port = 9440 if secure else 9000
    own = {"engine": "server", "alt_hosts": "ch2, [::1]:9001,10.0.0.1:9002,", "secure": str(secure)}
    with configured(warehouse=own):
        settings.check()
        found = settings.alternatives(settings.WarehouseSettings())
    assert found == [("ch2", port), ("::1", 9001), ("10.0.0.1", 9002)]


SECRETS = "https://anna:Tr0ub4dor@ch.example/"


@pytest.mark.parametrize("section", ["warehouse", "source"])
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", r"url is empty: engine = http needs it, https://host"),
        (SECRETS, r"url has a user or a password: set `user`, and FEEDPULSE_\w+_PASSWORD in the environment"),
        ("anna:Tr0ub4dor@ch.example", r"url has a user or a password"),
        ("https://anna@ch.example", r"url has a user or a password"),
        ("https://ch.example/?password=Tr0ub4dor", r"url = https://ch.example/\.\.\.: .*without \? and #"),
        ("https://ch.example#Tr0ub4dor", r"url = https://ch.example\.\.\.: .*without \? and #"),
        ("ch.example:8123", r"url = ch.example:8123: write https://host.* 8123, and 8443"),
        ("tcp://ch.example:9000", r"url = tcp://ch.example:9000: write https://host"),
        ("https://", r"url = https://: write https://host"),
        ("https://ch.example:port", r"url: write https://host.*the host or the port is wrong"),
        ("https://ch.example:70000", r"url: write https://host.*the host or the port is wrong"),
        ("http://ch.example:0", r"url = http://ch.example:0: write https://host"),
        ("https://[::1", r"url: write https://host.*the host or the port is wrong"),
        ("https://ch..example", r"url: write https://host.*the host or the port is wrong"),
        ("https://ch example/", r"url = https://ch example/: write https://host"),
    ],
)
def test_urls_that_are_refused(section: str, url: str, message: str) -> None:
    with configured(**{section: {"engine": "http", "url": url}}), pytest.raises(SettingsError) as refused:
        settings.check()
    assert re.match(rf"\[{section}\] {message}", str(refused.value)), refused.value
    assert "Tr0ub4dor" not in str(refused.value)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"engine": "server"}, r"url is given: set engine = http"),
        ({"engine": "embedded", "path": "x"}, r"url is given: set engine = http"),
        ({"engine": "http", "secure": "true"}, r"url = http://ch with secure = true: begin it with https://"),
        ({"engine": "http", "alt_hosts": "ch2:9000"}, r"alt_hosts are of engine = server"),
    ],
)
@pytest.mark.parametrize("section", ["warehouse", "source"])
def test_a_url_beside_other_settings(section: str, other: dict[str, str], message: str) -> None:
    with configured(**{section: {"url": "http://ch", **other}}), pytest.raises(SettingsError, match=message):
        settings.check()


def test_a_start_that_is_no_day_is_refused() -> None:
    with configured(etl={"start": "last week"}), pytest.raises(SettingsError, match=r"\[etl\] start = last week"):
        settings.load_start()


@pytest.mark.parametrize(
    ("text", "expected"), [("12:00", time(12)), ("9:30", time(9, 30)), ("00:00", time()), ("", None)]
)
def test_the_deadline_of_the_report_is_a_local_time(text: str, expected: time | None) -> None:
    with configured(report={"deadline": text}):
        assert settings.report_deadline() == expected


def test_a_metric_takes_what_it_leaves_out_from_alerts() -> None:
    general = {"detector": "sigma", "detector_params": '{"multiplier": 4}', "links": '["https://bi.example/all"]'}
    with configured(alerts=general, metric__ctr={"detector": "iqr"}, metric__views={"direction": "down"}):
        assert settings.metric("likes") == settings.MetricSettings(
            "sigma", {"multiplier": 4}, "both", ("https://bi.example/all",)
        )
        # The parameters are those of the general detector, so they do not apply to another one.
        assert settings.metric("ctr") == settings.MetricSettings("iqr", {}, "both", ("https://bi.example/all",))
        assert settings.metric("views").detector_params == {"multiplier": 4}
        assert settings.metric("views").direction == "down"
