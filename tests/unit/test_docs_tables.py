"""The tables of docs/ say what the code says: tools, arguments, roles, models, limits, exit codes."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from codebutler import errors
from codebutler.agent.roles import TOOLS, load_role, shipped_names
from codebutler.cli.headless import EXIT
from codebutler.thread.host import known_tools

DOCS = Path(__file__).resolve().parents[2] / "docs"
INTERRUPTED = 130


def rows(page: str, first: str) -> list[list[str]]:
    """Rows of all tables of a page whose first cell matches ``first``."""
    text = (DOCS / page).read_text(encoding="utf-8")
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return [row for row in cells if re.fullmatch(first, row[0])]


CALLS = {row[0].strip("`").partition("(")[0]: row for row in rows("tools.md", r"`\w+\(.*\)`")}


def test_every_tool_has_a_row_and_no_other() -> None:
    assert set(CALLS) == set(known_tools()) == set(TOOLS)


@pytest.mark.parametrize("name", TOOLS)
def test_a_tools_arguments_are_true(name: str) -> None:
    shown = [a for a in CALLS[name][0].strip("`").partition("(")[2].rstrip(")").split(", ") if a]
    schema = known_tools()[name].spec.parameters
    assert set(schema.get("required", [])) <= set(shown) <= set(schema["properties"])
    if name != "edit":  # which also takes a single edit without the list; the page says so in words
        assert set(shown) == set(schema["properties"])


@pytest.mark.parametrize(("column", "role"), [(1, "pm"), (2, "coder"), (3, "lead")])
def test_who_has_a_tool_is_true(column: int, role: str) -> None:
    marked = {name for name, row in CALLS.items() if len(row) > 2 and row[column] == "✓"}
    native = {name for name, row in CALLS.items() if len(row) == 2}
    assert marked == set(load_role(role).tools) - native


def test_the_roles_table_is_true() -> None:
    shown = {row[0].strip("`"): row for row in rows("roles.md", r"`[a-z]+`") if len(row) == 5}
    assert set(shown) == set(shipped_names())
    for name, row in shown.items():
        role = load_role(name)
        assert row[2] == f"`{role.model}`"
        assert row[4] == f"{role.limits.usd:.2f}, {role.limits.iterations}"
        assert (row[3] == "none") == (role.tools == ())


def test_the_exit_codes_are_true() -> None:
    classes = [x for _, x in inspect.getmembers(errors, inspect.isclass)]
    codes = {x.exit_code for x in classes if issubclass(x, errors.CodeButlerError)}
    shown = {int(row[0]) for row in rows("troubleshooting.md", r"\d+")}
    assert shown == codes | set(EXIT.values()) | {INTERRUPTED}
    listed = (
        (DOCS.parent / "README.md").read_text(encoding="utf-8").split("Exit codes:")[1].split("([details]")[0]
    )
    assert {int(x) for x in re.findall(r"\d+", listed)} == shown
