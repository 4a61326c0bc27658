"""The pages of reference agree with the commands and luigi.cfg, and every option and setting has a sentence."""

import re
from types import ModuleType

import pytest

from pipeline.core import settings
from reporting.channels import available
from tests.documents import DOCUMENTS, script

OURS = {*(section.section for section in settings.SECTIONS), *available()}


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    return script("reference")


def test_the_pages_are_those_of_the_sources(reference: ModuleType) -> None:
    for path, text in reference.pages():
        assert DOCUMENTS[f"docs/{path.name}"] == text, "run: .venv/bin/python docs/reference.py"


def test_every_option_has_a_sentence(reference: ModuleType) -> None:
    rows = re.findall(r"^\| `(.*?)` \| (.*) \|$", reference.commands(), re.MULTILINE)
    assert len(rows) > 50
    assert not [option for option, what in rows if len(what.split()) < 2]


def test_every_setting_has_a_sentence_of_its_own(reference: ModuleType) -> None:
    found = reference.read_settings()
    assert {setting.section for setting in found} > OURS
    for setting in found:
        assert len(setting.sentence.split()) > 2, setting
        assert len(setting.lines) == 1 or setting.section not in OURS, setting
