"""No file or function becomes the place where everything is added."""

from __future__ import annotations

import ast
from pathlib import Path

FILE_LINES = 300
ANY_FILE_LINES = 500
FUNCTION_LINES = 60
LONG_FILES: dict[str, str] = {}  # path: the reason why it may pass FILE_LINES
GENERATED = {"requirements.lock"}


def long_functions(source: str) -> dict[str, int]:
    """Name and length in lines of each function over the limit."""
    functions = [
        x for x in ast.walk(ast.parse(source)) if isinstance(x, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = {x.name: (x.end_lineno or x.lineno) - x.lineno + 1 for x in functions}
    return {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES}


def test_python_files_stay_small(tracked: dict[Path, str]) -> None:
    lengths = {str(p): text.count("\n") for p, text in tracked.items() if p.suffix == ".py"}
    assert {p: n for p, n in lengths.items() if n > FILE_LINES and p not in LONG_FILES} == {}


def test_no_file_is_ever_huge(tracked: dict[Path, str]) -> None:
    lengths = {str(p): text.count("\n") for p, text in tracked.items() if p.name not in GENERATED}
    assert {p: n for p, n in lengths.items() if n > ANY_FILE_LINES} == {}


def test_every_exception_to_the_file_limit_is_needed(tracked: dict[Path, str]) -> None:
    assert [p for p in LONG_FILES if tracked.get(Path(p), "").count("\n") <= FILE_LINES] == []


def test_functions_stay_small(tracked: dict[Path, str]) -> None:
    found = {str(p): long_functions(text) for p, text in tracked.items() if p.suffix == ".py"}
    assert {p: functions for p, functions in found.items() if functions} == {}


def test_a_long_function_would_be_found() -> None:
    body = "    x = 1\n" * FUNCTION_LINES
    assert long_functions(f"class A:\n  async def f():\n{body}") == {"f": FUNCTION_LINES + 1}
    assert long_functions("def f():\n    x = 1\n") == {}


def test_instructions_fit_one_page(tracked: dict[Path, str]) -> None:
    assert tracked[Path("AGENTS.md")].count("\n") <= 120
