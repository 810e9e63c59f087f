"""What main had added to a file, and a merge left out."""

from __future__ import annotations

import pytest

from codebutler.repo.lost_lines import lost_lines

OLD = "def a():\n    return 1\n"
THEIRS = "import os\n\ndef a():\n    check()\n    return 1\n"


@pytest.mark.parametrize(
    ("result", "lost"),
    [
        (THEIRS, (0, 2)),
        (OLD, (2, 2)),
        ("import os\n\ndef a():\n    return 2\n", (1, 2)),
        ("import os, re\n\ndef a():\n  check(1)\n    return 2\n", (0, 2)),
        ("", (2, 2)),
    ],
)
def test_lines_that_a_result_lacks(result: str, lost: tuple[int, int]) -> None:
    assert lost_lines(OLD, THEIRS, result) == lost


def test_a_line_that_was_there_before_stands_for_none_that_was_added() -> None:
    assert lost_lines("check()\n", "check()\ncheck()\n", "check()\n") == (1, 1)
    assert lost_lines("a\n", "{\n\n}\na\n", "a\n") == (0, 0)
