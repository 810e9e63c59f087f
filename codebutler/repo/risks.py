"""What a person should look at before a change lands: notes left to do, files that run by themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from msgspec import Struct

_NOTE = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?![\w-])")
_HUNK = re.compile(r"@@ -\d+(?:,\d+)? \+(\d+)")
_CI = (
    *(".github/workflows/", ".github/actions/", ".circleci/", ".ci/", ".buildkite/"),
    *(".gitea/workflows/", ".forgejo/workflows/", ".woodpecker/"),
)
_CI_FILES = {
    *(".gitlab-ci.yml", "Jenkinsfile", "azure-pipelines.yml", ".travis.yml", "bitbucket-pipelines.yml"),
    *(".drone.yml", ".woodpecker.yml"),
}
_HOOKS = (
    *("hooks/", ".claude/", ".codebutler/roles/", ".codebutler/prompts/", ".codebutler/skills/"),
    *(".vscode/", ".devcontainer/", ".cargo/"),
)
_HOOKS_ANYWHERE = ("/.husky/", "/.githooks/", "/.git-hooks/")
_HOOK_FILES = {
    *(".pre-commit-config.yaml", "lefthook.yml", ".gitattributes", ".gitmodules", ".mcp.json", ".envrc"),
    *(".codebutler/config.json", "AGENTS.md", "CLAUDE.md"),
}
_SCRIPTS = {
    *(
        "package.json",
        "setup.py",
        "build.rs",
        "conftest.py",
        "sitecustomize.py",
        "setup.cfg",
        "pyproject.toml",
    ),
    *("tox.ini", "noxfile.py", "Rakefile", ".npmrc", ".yarnrc.yml", "pip.conf", "Cargo.toml", "gradlew"),
    *("build.gradle", "build.gradle.kts", "pom.xml", "deno.json", "justfile", "Justfile"),
}
_SCRIPT_FORMS = re.compile(
    r"dockerfile(?:\..+)?|containerfile|(?:gnu)?makefile|.+\.mk|(?:docker-)?compose(?:\..+)?\.ya?ml"
    r"|requirements.*\.txt|constraints.*\.txt",
    re.IGNORECASE,
)
_LOCKS = {
    *("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lockb", "bun.lock"),
    *("poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock", "Cargo.lock", "go.sum", "Gemfile.lock"),
    *("composer.lock", "requirements.lock", "Podfile.lock", "flake.lock"),
}
NOTES, LINE = 20, 120
"""Notes that are shown, and characters of each."""


class Note(Struct, frozen=True):
    """A line that was added, with where it stands in the new file."""

    path: str
    line: int
    text: str


def notes(diff: str) -> list[Note]:
    """The lines that a unified diff adds and that say TODO or FIXME, the first ones."""
    found, path, line = list[Note](), "", 0
    inside = False
    for row in diff.split("\n"):
        if row.startswith("diff --git "):
            path, inside = "", False
        elif row.startswith("+++ ") and not inside:
            path = _path(row[4:])
        elif (hunk := _HUNK.match(row)) is not None:
            line, inside = int(hunk[1]), True
        elif inside and row.startswith("+"):
            if path and _NOTE.search(row):
                text = " ".join(row[1:].split())
                found.append(Note(path, line, text if len(text) <= LINE else text[: LINE - 1] + "…"))
            line += 1
        elif inside and row.startswith(" "):
            line += 1
    return found[:NOTES]


def risks(paths: Iterable[str]) -> list[tuple[str, str]]:
    """(path, why to look) of files that run by themselves, or decide on what does, by path."""
    return [(path, why) for path in sorted(set(paths)) if (why := _risk(path))]


def _risk(path: str) -> str:
    name, low = PurePosixPath(path).name, path.lower()
    if low.startswith(_CI) or name in _CI_FILES:
        return "CI"
    if (
        low.startswith(_HOOKS)
        or any(x in f"/{low}" for x in _HOOKS_ANYWHERE)
        or name in _HOOK_FILES
        or low in _HOOK_FILES
    ):
        return "hooks and settings"
    if name in _LOCKS:
        return "lock file"
    runs = name in _SCRIPTS or _SCRIPT_FORMS.fullmatch(name)
    return "runs at build, install or test" if runs else ""


def _path(field: str) -> str:
    """The path of a ``+++`` line; "" for a file that is gone. git quotes names with odd characters."""
    name = field.strip("\t").removesuffix("\t")
    if name == "/dev/null":
        return ""
    return name.strip('"').removeprefix("b/")
