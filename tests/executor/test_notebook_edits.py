"""A notebook is edited by the text of its cells, and stays a notebook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codebutler.sandbox.executor import Executor

BOOK = {
    "cells": [
        {"cell_type": "markdown", "source": "# Größe\n\nbody", "metadata": {}},
        {"cell_type": "code", "source": ["x = 1\n", "y = 'a'\n", "print(x)"], "outputs": [], "metadata": {}},
        {"cell_type": "code", "source": ["print(x)"], "outputs": [], "metadata": {}},
    ],
    "metadata": {"kernelspec": {"name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


async def _edit(executor: Executor, folder: Path, book: str, *edits: dict[str, Any]) -> tuple[str, str]:
    (folder / "b.ipynb").write_text(book)
    await executor.call("read", {"path": "b.ipynb"})
    done = await executor.call("edit", {"path": "b.ipynb", "edits": list(edits)})
    after = (folder / "b.ipynb").read_text()
    assert done.ok or after == book
    return done.text, after


@pytest.mark.parametrize(
    ("indent", "ascii_only", "end"), [(1, False, "\n"), (2, True, ""), (None, False, "\n")]
)
async def test_a_cells_text_is_changed_and_nothing_else(
    executor: Executor, folder: Path, indent: int | None, ascii_only: bool, end: str
) -> None:
    before = json.dumps(BOOK, indent=indent, ensure_ascii=ascii_only) + end
    text, after = await _edit(
        executor, folder, before,
        {"old": "x = 1\ny = 'a'\n", "new": 'x = 1\ny = "ä\\n"\nz = 2\n'},
        {"old": "Größe\n\nbody", "new": "Größe"},
    )  # fmt: skip
    changed = json.loads(after)
    assert changed["cells"][1]["source"] == ["x = 1\n", 'y = "ä\\n"\n', "z = 2\n", "print(x)"]
    assert changed["cells"][0]["source"] == "# Größe"
    assert after == json.dumps(changed, indent=indent, ensure_ascii=ascii_only) + end
    assert text.startswith("b.ipynb: 2 edits applied\n@@ line 2 @@\n-y = 'a'\n+y = ")


async def test_edits_of_a_notebook_that_do_not_fit(executor: Executor, folder: Path) -> None:
    before = json.dumps(BOOK, indent=1) + "\n"
    for old, new, why in (
        ("print(x)", "print(y)", "old occurs 2 times in 2 cells"),
        ('"nbformat": 4', '"nbformat": ', "would be no notebook"),
        ("z = 3\n", "", "in no cell and not in the file's JSON"),
        ("", "x", "old is empty"),
    ):
        text, after = await _edit(executor, folder, before, {"old": old, "new": new})
        assert why in text
        assert (after, text.count("\n")) == (before, 0)
    both = await _edit(executor, folder, before, {"old": "print(x)", "new": "print(y)", "replace_all": True})
    assert both[1] == before.replace("print(x)", "print(y)")
    raw = await _edit(executor, folder, before, {"old": '"nbformat_minor": 5', "new": '"nbformat_minor": 4'})
    assert raw[1] == before.replace('minor": 5', 'minor": 4')
    odd = await _edit(executor, folder, " " + before, {"old": "x = 1", "new": "x = 2"})
    assert "layout of its own" in odd[0]


async def test_what_is_no_notebook_is_edited_as_text(executor: Executor, folder: Path) -> None:
    _, after = await _edit(executor, folder, "x = 1\n", {"old": "x = 1", "new": "x = 2"})
    assert after == "x = 2\n"
