"""docs/reliability.md names the test of each promise, and that test exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert named
    for file, test in named:
        assert (ROOT / file).is_file(), file
        assert f"def {test}" in (ROOT / file).read_text(encoding="utf-8"), (file, test)


def test_no_promise_is_without_a_test() -> None:
    tables = re.findall(r"^\| promise \| test \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE, flags=re.MULTILINE)
    assert tables
    for row in "".join(tables).splitlines():
        held_by = row.strip("|").rsplit(" | ", 1)[1]
        assert "`tests/" in held_by or held_by.strip() == "the same", row
