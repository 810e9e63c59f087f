"""docs/configuration.md says what the settings are: every key and variable, and nothing that is not there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import pytest
from pydantic import SecretStr

from codebutler.config import ENVIRONMENT, HOME_VARIABLE, MODEL_VARIABLE, UNSAFE_VARIABLE
from codebutler.settings.files import parse_json
from codebutler.settings.keys import documented, dotted, repo_may_set
from codebutler.settings.shape import Settings

DOC = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
ROWS = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", DOC, flags=re.MULTILINE))
KEYS = {dotted(path): field for path, field in documented()}
VARIABLES = {**ENVIRONMENT, MODEL_VARIABLE: "", HOME_VARIABLE: "", UNSAFE_VARIABLE: "sandbox.tier"}


def test_every_key_and_variable_is_there_and_no_other() -> None:
    assert set(ROWS) == set(KEYS) | set(VARIABLES)


@pytest.mark.parametrize("key", KEYS)
def test_a_keys_row_is_true(key: str) -> None:
    kind, default, meaning = (cell.strip() for cell in ROWS[key].split("|"))
    field = KEYS[key]
    path = tuple("x" if part == "<name>" else part for part in key.split("."))
    assert ("repo" in re.split(r"[,;] ", kind)) == repo_may_set(path)
    assert ("secret" in kind) == (SecretStr in get_args(field.annotation))
    assert ("null" in kind) == (NoneType in get_args(field.annotation) and bool(default))
    assert meaning
    value: Any = None if field.is_required() else field.get_default(call_default_factory=True)
    shown = "" if value is None or value == {} else json.dumps(value)
    assert default.strip("`").strip('"') == shown.strip('"')


@pytest.mark.parametrize(("variable", "key"), [(v, k) for v, k in VARIABLES.items() if k])
def test_a_variables_row_names_its_key(variable: str, key: str) -> None:
    assert f"`{key}`" in ROWS[variable]


def test_the_example_is_valid() -> None:
    example = re.search(r"```json\n(.*?)```", DOC, flags=re.DOTALL)
    assert example is not None
    Settings.model_validate_json(json.dumps(parse_json(example[1], "example")))


def test_reading_the_configuration_loads_nothing_heavy() -> None:
    code = "import sys, codebutler.config, codebutler.redact, codebutler.models.client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "openai",
        "aiohttp",
        "rich",
        "prompt_toolkit",
        "sqlite_utils",
        "markdown_it",
        "httpx",
        "httpx2",
        "urllib.request",
    }
    assert heavy & set(done.stdout.split()) == set()
