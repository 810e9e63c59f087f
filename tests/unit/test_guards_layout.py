"""The tree: what stands where, and what may not be in it."""

from __future__ import annotations

import ast
import json
import os
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("bench", "check", "demo", "test")
HOSTS = ("pypi." + "org", "python" + "hosted.org", "registry." + "npmjs", "deb." + "debian")


def test_only_the_package_is_importable(tracked: dict[Path, str]) -> None:
    outside = [str(p) for p in tracked if p.name == "__init__.py" and p.parts[0] != "codebutler"]
    assert outside == []


def test_every_package_folder_says_what_is_in_it(tracked: dict[Path, str]) -> None:
    folders = {p.parent for p in tracked if p.suffix == ".py" and p.parts[0] == "codebutler"}
    missing = [
        str(f) for f in folders if not ast.get_docstring(ast.parse(tracked.get(f / "__init__.py", "")))
    ]
    assert missing == []


def test_a_package_docstring_names_only_files_that_exist(tracked: dict[Path, str]) -> None:
    wrong = {}
    for path, text in tracked.items():
        if path.name == "__init__.py" and path.parts[0] == "codebutler":
            words = (ast.get_docstring(ast.parse(text)) or "").replace("`", " ").split()
            named = {w.strip("(),;:") for w in words if w.strip("(),;:").endswith(".py")}
            wrong[str(path)] = {n for n in named if path.parent / n not in tracked and Path(n) not in tracked}
    assert {p: names for p, names in wrong.items() if names} == {}


@pytest.mark.parametrize("folder", ["cmd", "tools", "roles", "evals", "service-templates", "tests"])
def test_folders_outside_the_package_have_a_short_readme(folder: str, tracked: dict[Path, str]) -> None:
    lines = tracked[Path(folder, "README.md")].splitlines()
    assert 1 <= len(lines) <= 3


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_are_short_and_executable(name: str) -> None:
    file = ROOT / "cmd" / name
    assert os.access(file, os.X_OK)
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert len(lines) <= 15


def test_cmd_holds_only_what_a_newcomer_runs(tracked: dict[Path, str]) -> None:
    assert {p.name for p in tracked if p.parts[0] == "cmd"} == {*COMMANDS, ".setup.sh", "README.md"}


def test_test_files_have_unique_names(tracked: dict[Path, str]) -> None:
    names = [p.name for p in tracked if p.name.startswith("test_") and p.parts[0] == "tests"]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("host", HOSTS)
def test_no_file_names_a_package_registry(host: str, tracked: dict[Path, str]) -> None:
    assert [str(p) for p, text in tracked.items() if host in text] == []


def test_the_lock_pins_every_package_by_hash(tracked: dict[Path, str]) -> None:
    lines = [x for x in tracked[Path("requirements.lock")].splitlines() if x and not x.startswith("#")]
    pins = [x for x in lines if not x.startswith(" ")]
    assert [x for x in pins if "==" not in x or not x.endswith("\\")] == []
    assert [x for x in lines if x.startswith(" ") and "--hash=sha256:" not in x] == []


def test_the_lock_has_every_declared_dependency(tracked: dict[Path, str]) -> None:
    project = tomllib.loads(tracked[Path("pyproject.toml")])["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.sub(r"[-_.]+", "-", re.split("[<>=]", x)[0]).lower() for x in declared}
    locked = {
        x.split("==")[0].replace("_", "-")
        for x in tracked[Path("requirements.lock")].splitlines()
        if "==" in x
    }
    assert names - locked == set()


def test_roles_have_their_prompts_memory_and_tools(tracked: dict[Path, str]) -> None:
    roles = {
        p.stem: tomllib.loads(t) for p, t in tracked.items() if p.parts[0] == "roles" and p.suffix == ".toml"
    }
    assert {"pm", "researcher", "coder", "lead"} <= set(roles)
    missing = [
        f"{name}: {folder}/{file}"
        for name, role in roles.items()
        for folder, files in (
            ("prompts_defaults", role["prompt"]),
            ("memory_defaults", role.get("memory", [])),
        )
        for file in files
        if Path(folder, file) not in tracked
    ]
    assert missing == []
    assert {name for name, role in roles.items() if role["name"] != name} == set()


def test_the_schema_of_the_native_tools_is_the_contract(tracked: dict[Path, str]) -> None:
    schema = json.loads(tracked[Path("tools/schema.json")])
    tools = schema if isinstance(schema, list) else schema["tools"]
    assert {tool["name"] for tool in tools} >= {"read", "write", "edit", "bash", "grep", "glob"}


def test_no_file_has_a_merge_conflict_in_it(tracked: dict[Path, str]) -> None:
    mark = re.compile(r"^(<{7}|>{7}|\|{7})( |$)", re.MULTILINE)
    assert [str(path) for path, text in tracked.items() if mark.search(text)] == []
