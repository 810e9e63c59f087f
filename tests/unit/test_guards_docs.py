"""What a person can meet is written down: errors, tools, roles, commands. A failure lists what is missing."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

import pytest

from codebutler import errors
from codebutler.cli.main import COMMANDS


@pytest.fixture(scope="module")
def docs(tracked: dict[Path, str]) -> str:
    """The text of README.md and of everything in docs/."""
    return "\n".join(t for p, t in tracked.items() if p == Path("README.md") or p.parts[0] == "docs")


def test_every_error_is_explained(docs: str) -> None:
    classes = [
        n for n, x in inspect.getmembers(errors, inspect.isclass) if issubclass(x, errors.CodeButlerError)
    ]
    assert [name for name in classes if f"`{name}`" not in docs] == []


def test_every_native_tool_is_explained(docs: str, tracked: dict[Path, str]) -> None:
    names = [tool["name"] for tool in json.loads(tracked[Path("tools/schema.json")])]
    assert [name for name in names if not re.search(rf"`{name}[`(]", docs)] == []


def test_every_role_is_explained(docs: str, tracked: dict[Path, str]) -> None:
    names = [p.stem for p in tracked if p.parts[0] == "roles" and p.suffix == ".toml"]
    assert [name for name in names if f"`{name}`" not in docs] == []


def test_every_command_is_explained(docs: str) -> None:
    assert [name for name in COMMANDS if not re.search(rf"(codebutler |`){name}\b", docs)] == []


def test_every_script_is_explained(docs: str) -> None:
    assert [name for name in ("demo", "test", "check", "bench") if f"cmd/{name}" not in docs] == []


def test_docs_name_only_commands_that_exist(docs: str) -> None:
    """A line that starts with ``codebutler WORD`` in a code block is a command to be typed."""
    typed = set(re.findall(r"^\$? *codebutler ([a-z]+)", docs, flags=re.MULTILINE))
    assert typed - set(COMMANDS) == set()


def test_docs_link_only_to_files_that_exist(tracked: dict[Path, str]) -> None:
    broken = {
        f"{path}: {target}"
        for path, text in tracked.items()
        if path.suffix == ".md"
        and path.parts[0] in {"README.md", "AGENTS.md", "docs", "cmd", "tools", "roles", "tests"}
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
        if not (Path(__file__).parents[2] / path.parent / target).exists()
    }
    assert broken == set()
