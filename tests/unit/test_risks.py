"""What a change leaves to do, and which of its files run by themselves."""

from __future__ import annotations

import pytest

from codebutler.repo.risks import Note, notes, risks

DIFF = """diff --git a/a.py b/a.py
--- a/a.py
+++ b/a.py
@@ -1,3 +1,4 @@ def f():
 one
-# TODO: gone
+# TODO: mend   this
+# todolist and TODO-like are words
 # TODO: was here before
@@ -10 +11,2 @@
+  x = 1  # FIXME
++++ TODO in a line that looks like a header
diff --git "a/\\303\\244.py" "b/\\303\\244.py"
deleted file mode 100644
--- a/b.py
+++ /dev/null
@@ -1 +0,0 @@
-# FIXME
diff --git a/new b/new
--- /dev/null
+++ b/new
@@ -0,0 +1 @@
+XXX
\\ No newline at end of file
"""


def test_only_added_lines_count_each_with_its_place() -> None:
    assert notes(DIFF) == [
        Note("a.py", 2, "# TODO: mend this"),
        Note("a.py", 11, "x = 1 # FIXME"),
        Note("a.py", 12, "+++ TODO in a line that looks like a header"),
        Note("new", 1, "XXX"),
    ]


def test_notes_are_capped() -> None:
    many = "diff --git a/a b/a\n+++ b/a\n@@ -0,0 +1,99 @@\n" + f"+TODO {'x' * 500}\n" * 99
    found = notes(many)
    assert (len(found), len(found[0].text)) == (20, 120)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (".github/workflows/ci.yml", "CI"),
        (".gitlab-ci.yml", "CI"),
        (".husky/pre-commit", "hooks and settings"),
        (".codebutler/roles/pm.toml", "hooks and settings"),
        ("web/package.json", "runs at build, install or test"),
        ("web/package-lock.json", "lock file"),
        ("Cargo.lock", "lock file"),
        ("web/.husky/pre-commit", "hooks and settings"),
        (".codebutler/skills/x/SKILL.md", "hooks and settings"),
        ("AGENTS.md", "hooks and settings"),
        ("pyproject.toml", "runs at build, install or test"),
        ("requirements-dev.txt", "runs at build, install or test"),
        ("docker-compose.yml", "runs at build, install or test"),
        ("makefile", "runs at build, install or test"),
        ("Dockerfile.prod", "runs at build, install or test"),
        ("src/hooks/use.ts", ""),
        ("docs/requirements.md", ""),
        ("src/main.py", ""),
        ("docs/hooks.md", ""),
    ],
)
def test_files_that_run_by_themselves(path: str, why: str) -> None:
    assert risks([path, path]) == ([(path, why)] if why else [])
