"""What a role found in a pull request, as it is read and put to lines."""

from __future__ import annotations

import pytest

from codebutler.surfaces.github.findings import (
    Finding,
    findings,
    listed,
    new,
    severity_of,
    shown_lines,
    without,
)

DIFF = """diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,2 +3,3 @@ def f():
 same
-gone
+came
+++ b/fake.py
@@ -9 +12 @@
+late
diff --git a/gone.py b/gone.py
--- a/gone.py
+++ /dev/null
@@ -1 +0,0 @@
-all
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- [high] a.py:4: off by one", [Finding("high", "a.py", 4, "off by one")]),
        ("* **[LOW]** `a/b.py:7` - two\n  lines", [Finding("low", "a/b.py", 7, "two\nlines")]),
        ("- [note] a.py:4: x\n- [low] a.py:4: again", [Finding("note", "a.py", 4, "x")]),
        ("- [huge] a.py:4: x\n- [high] a.py: no line\n[high] a.py:4: no point", []),
    ],
)
def test_findings_are_read(text: str, found: list[Finding]) -> None:
    assert findings(text) == found


def test_the_rest_of_the_words_stays() -> None:
    assert without("Good.\n\n- [high] a.py:4: x\n\nBye.") == (
        "Good.\n\nBye.\n\n1 finding stands in the review, on its line where the pull request shows it, or in "
        "an earlier one within 3 lines of there."
    )
    two = without("Good.\n\n- [high] a.py:4: x\n- [low] b.py:9: y")
    assert two.startswith(
        "Good.\n\n2 findings stand in the review, on their lines where the pull request shows"
    )
    assert without("All is well.") == "All is well."


def test_what_was_said_near_a_line_is_not_said_again() -> None:
    found = [Finding("high", "a.py", 10, "x"), Finding("high", "b.py", 10, "x")]
    assert new(found, {("a.py", 13, "high"), ("b.py", 14, "high")}) == [found[1]]


def test_what_is_worse_than_what_was_said_there_is_new() -> None:
    worse, listing = (
        Finding("critical", "a.py", 10, "eval"),
        "- `a.py:9` **low:** name\n- `b.py:1` **high:** x",
    )
    assert listed(listing) == {("a.py", 9, "low"), ("b.py", 1, "high")}
    assert new([worse], listed(listing)) == [worse]
    assert new([worse], {("a.py", 9, severity_of(worse.body))}) == []
    assert new([worse], {("a.py", 9, severity_of("some other form"))}) == []


def test_comments_can_stand_on_lines_of_the_new_text_that_the_diff_shows() -> None:
    assert shown_lines(DIFF) == {"a.py": {3, 4, 5, 12}, "/dev/null": set()}


def test_nobody_is_called_by_a_finding() -> None:
    assert "@ann" not in Finding("low", "a.py", 1, "ask @ann <!-- x").body
