"""Every example in the docstrings runs, and every method has one."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil

import pytest

import detectors
from detectors import methods

MODULES = [
    name
    for name in sorted(module.name for module in pkgutil.walk_packages(detectors.__path__, "detectors."))
    if name not in ("detectors.kernels", "detectors.__main__")
]


@pytest.mark.parametrize("name", ["detectors", *MODULES])
def test_the_examples_of_a_module_run(name: str) -> None:
    if ">>>" not in inspect.getsource(importlib.import_module(name)):
        return
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


METHODS = [module.name for module in pkgutil.iter_modules(methods.__path__)]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_an_example(name: str) -> None:
    method = detectors.find(name)
    examples = doctest.DocTestFinder(recurse=False).find(method, name)
    assert any(f'create("{name}"' in example.source for test in examples for example in test.examples)
