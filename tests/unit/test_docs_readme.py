"""Every command that README.md and docs/ show can be typed: the program exists and takes these words."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import shlex
from pathlib import Path

import pytest

from codebutler.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELL_WORDS = {"export", "cd"}
"""What blocks for people need beside our own programs."""
SCRIPTS = {"demo": ["demo"], "bench": ["bench"], "test": None, "check": None}
"""cmd/NAME, and the command that gets its arguments."""


def blocks(text: str) -> list[str]:
    """Lines of all shell blocks."""
    found = re.findall(r"^```sh\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return [line for block in found for line in block.splitlines() if line.strip()]


def table(text: str) -> list[str]:
    """Commands of README's table; the later ones of a row leave ``codebutler`` out."""
    rows = re.findall(r"^\| (`codebutler .*?) \|", text, flags=re.MULTILINE)
    spans = [span for row in rows for span in re.findall(r"`([^`]+)`", row)]
    return [span if span.startswith("codebutler ") else f"codebutler {span}" for span in spans]


def inline(text: str) -> list[str]:
    """Commands in the text, by their name alone or with arguments."""
    return re.findall(r"(?<!`)`(codebutler [a-z][^`\n]*)`(?!`)", text)


def words_of(line: str) -> list[str]:
    """The words as argparse gets them: without comment, ``[ ]`` of what is optional, and variables before."""
    words = shlex.split(re.sub(r"[\[\]]", "", line) if "{" not in line else line, comments=True)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    return ["1" if word == "N" else word for word in words]


def problem(line: str) -> str:
    """Why ``line`` cannot be typed, or ""."""
    words = words_of(line)
    if not words or words[0] in SHELL_WORDS:
        return ""
    if words[0].startswith("cmd/"):
        name = words[0].removeprefix("cmd/")
        if not os.access(ROOT / words[0], os.X_OK) or name not in SCRIPTS:
            return f"there is no {words[0]}"
        command = SCRIPTS[name]
        return "" if command is None else _parse([*command, *words[1:]])
    if words[0] != "codebutler":
        return f"what is {words[0]}?"
    return _parse(words[1:])


def _parse(words: list[str]) -> str:
    if words[0] not in COMMANDS:
        return f"no command {words[0]}"
    parser = argparse.ArgumentParser(allow_abbrev=False, exit_on_error=False)
    importlib.import_module(COMMANDS[words[0]]).configure(parser)
    try:
        unknown = parser.parse_known_args(words[1:])[1]
    except (argparse.ArgumentError, SystemExit) as error:
        return str(error)
    return f"{words[0]} does not take {unknown}" if unknown else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_stands_in_shell_blocks_can_be_typed(page: Path) -> None:
    wrong = {line: why for line in blocks(page.read_text(encoding="utf-8")) if (why := problem(line))}
    assert wrong == {}


def test_the_readmes_table_is_true_and_whole() -> None:
    lines = table((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {line: why for line in lines if (why := _typed(line))} == {}
    assert {words_of(line)[1] for line in lines} == set(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_text_exist(page: Path) -> None:
    wrong = {line: why for line in inline(page.read_text(encoding="utf-8")) if (why := _typed(line))}
    assert wrong == {}


def _typed(line: str) -> str:
    """A bare name speaks of the command as such; with arguments it must be complete."""
    words = words_of(line)
    return problem(line) if len(words) > 2 else ("" if words[1] in COMMANDS else f"no command {words[1]}")


def test_flags_of_a_page_belong_to_a_command() -> None:
    """``--flag`` by itself in the text is an option of ours, or of a program that the same line names."""
    known = set()
    for module in COMMANDS.values():
        parser = argparse.ArgumentParser()
        importlib.import_module(module).configure(parser)
        known |= {flag for action in parser._actions for flag in action.option_strings}
    wrong = {
        flag
        for page in PAGES
        for flag in re.findall(r"`(--[a-z-]+)`", page.read_text(encoding="utf-8"))
        if flag not in known
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("codebutler run x --nope", "--nope"),
        ("codebutler pr list N --state gone", "gone"),
        ("codebutler pray", "no command pray"),
        ("cmd/demo --nope", "--nope"),
        ("cmd/nope", "there is no cmd/nope"),
        ("rm -rf /", "what is rm"),
        ("codebutler run x --key", "--key"),
    ],
)
def test_the_check_finds_what_is_wrong(line: str, why: str) -> None:
    assert why in problem(line)
