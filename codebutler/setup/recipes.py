"""What a commit's files say of its dependencies: which command installs them, and into which folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from typing import Literal, TypeAlias

from msgspec import Struct

from codebutler.errors import ConfigError
from codebutler.sandbox.outfit import DEPS, TREE
from codebutler.settings.shape import Setup

Preset: TypeAlias = Literal["pypi", "npm", "crates", "go"]

_PART = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._@+-]{1,100}")
_OURS = (".git", ".codebutler")
_PARTS = 6
_REQUIREMENTS = (
    "requirements.txt", "requirements-dev.txt", "requirements_dev.txt", "dev-requirements.txt",
    "requirements-test.txt", "requirements_test.txt", "test-requirements.txt",
)  # fmt: skip
_VERSIONS = (".tool-versions", ".mise.toml")
VENV = ".venv"


class Recipe(Struct, frozen=True):
    """``sources`` are the files it follows, for people; ``key`` the patterns of files that decide over it.

    ``command`` runs in TREE, with the folders of ``keep`` as its outcome; ``deps``: it also fills its folder
    below DEPS. ``environment`` holds then and later, ``later`` for those who use the outcome only.
    ``preset`` is the registry that it needs; "" for a command of the repo's own, which may need none.
    """

    name: str
    sources: tuple[str, ...]
    command: str
    keep: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    preset: Preset | Literal["", "none"] = ""
    deps: bool = False
    environment: Mapping[str, str] = {}
    later: Mapping[str, str] = {}
    path: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.name} ({', '.join(self.sources)})"


def detect(files: Collection[str], has: Callable[[str], bool]) -> list[Recipe]:
    """The recipes for a tree's files, at its top only. ``has`` says whether the sandbox has a program."""
    found = [recipe for make in (_python, _node, _cargo, _go, _pods) if (recipe := make(files, has))]
    return [each for each in found if not committed(each, files)]


def own(setup: Setup) -> Recipe:
    """The repo's own recipe. Raises ConfigError for a folder that no setup may make."""
    for pattern in setup.keep:
        if not sound(pattern, stars=True):
            raise ConfigError(
                f"setup.keep: {pattern!r} is no folder of the repo",
                fix="Write plain relative folders such as node_modules or web/node_modules",
            )
    if not setup.keep:
        raise ConfigError("setup.keep names no folder", fix='Say what setup.command makes: ["node_modules"]')
    environment, path = _venv() if VENV in setup.keep else ({}, ())
    return Recipe(
        "setup", (".codebutler/config.json",), setup.command or "", tuple(setup.keep), tuple(setup.key),
        later=environment, path=path,
    )  # fmt: skip


def sound(path: str, *, stars: bool = False) -> bool:
    """Whether ``path`` is a plain relative path to a folder of a repo that is not ours or git's."""
    parts = path.split("/")
    plain = all(_PART.fullmatch(part) or (stars and part == "*") for part in parts)
    return plain and len(parts) <= _PARTS and not any(part.lower() in _OURS for part in parts)


def committed(recipe: Recipe, files: Collection[str]) -> bool:
    """Whether the repo itself has files where the recipe's folders would lie: those it keeps itself."""
    return any(covers(pattern, path) for pattern in recipe.keep for path in files)


def covers(pattern: str, path: str) -> bool:
    """Whether a file or link at ``path`` is at or below a folder that ``pattern`` names."""
    wanted, parts = pattern.split("/"), path.split("/")
    return len(parts) >= len(wanted) and all(
        want in ("*", part) for want, part in zip(wanted, parts, strict=False)
    )


def decides(recipe: Recipe, path: str) -> bool:
    """Whether a change of the file at ``path`` asks for a new setup."""
    return any(fnmatchcase(path, pattern) for pattern in recipe.key)


def _venv() -> tuple[dict[str, str], tuple[str, ...]]:
    return {"VIRTUAL_ENV": f"{TREE}/{VENV}"}, (f"{TREE}/{VENV}/bin",)


def _python(files: Collection[str], has: Callable[[str], bool]) -> Recipe | None:
    source: tuple[str, ...]
    programs: tuple[str, ...]
    lists = tuple(name for name in _REQUIREMENTS if name in files)
    if "uv.lock" in files and (has("uv") or not lists):
        source, programs = ("uv.lock",), ("uv", "python3")
        command = "uv sync --frozen --no-install-project"
    elif "poetry.lock" in files and (has("poetry") or not lists):
        source, programs = ("poetry.lock",), ("poetry", "python3")
        command = "poetry install --no-root --no-interaction"
    elif "pylock.toml" in files and (has("uv") or not lists):
        source, programs = ("pylock.toml",), ("uv", "python3")
        command = f"uv venv {VENV} && uv pip install --python {VENV}/bin/python -r pylock.toml"
    elif lists:
        source, programs, command = lists, ("python3",), _pip(lists)
    else:
        return None
    environment, path = _venv()
    return Recipe(
        "python", source, command, (VENV,),
        (*source, "*requirements*.txt", "requirements/*", "constraints*.txt", "pyproject.toml", "setup.py",
         "setup.cfg", ".python-version", *_VERSIONS),
        programs, "pypi",
        environment={"POETRY_VIRTUALENVS_IN_PROJECT": "true", "UV_PYTHON_DOWNLOADS": "never"},
        later=environment, path=path,
    )  # fmt: skip


def _pip(lists: tuple[str, ...]) -> str:
    """Distributions ship a python3 that cannot make environments; then the daemon's own version does."""
    wanted = " ".join(f"-r {name}" for name in lists)
    return (
        'py=python3; python3 -c "import ensurepip, venv" 2>/dev/null || py="$CODEBUTLER_PYTHON"; '
        f'"$py" -m venv {VENV} && {VENV}/bin/python -m pip install --no-input {wanted}'
    )


def _node(files: Collection[str], has: Callable[[str], bool]) -> Recipe | None:
    del has
    if "pnpm-lock.yaml" in files:
        source, program, command = "pnpm-lock.yaml", "pnpm", "pnpm install --frozen-lockfile"
    elif "yarn.lock" in files:
        source, program = "yarn.lock", "yarn"
        frozen = "--immutable" if ".yarnrc.yml" in files else "--frozen-lockfile --non-interactive"
        command = f"yarn install {frozen}"
    else:
        locks = [name for name in ("npm-shrinkwrap.json", "package-lock.json") if name in files]
        if not locks:
            return None
        source, program, command = locks[0], "npm", "npm ci --no-audit --no-fund"
    return Recipe(
        "node", (source,), command, ("node_modules", "*/node_modules", "*/*/node_modules"),
        (source, "package.json", "*/package.json", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pnpmfile.cjs",
         "pnpm-workspace.yaml", ".yarn/*", ".nvmrc", ".node-version", *_VERSIONS),
        (program, "node"), "npm",
        environment={"COREPACK_ENABLE_DOWNLOAD_PROMPT": "0", "YARN_NODE_LINKER": "node-modules"},
    )  # fmt: skip


def _cargo(files: Collection[str], has: Callable[[str], bool]) -> Recipe | None:
    del has
    if "Cargo.lock" not in files:
        return None
    return Recipe(
        "cargo", ("Cargo.lock",),
        'test -z "$CODEBUTLER_CARGO" || printf "%s" "$CODEBUTLER_CARGO" > "$CARGO_HOME/config.toml"; '
        "cargo fetch --locked",
        (), ("Cargo.lock", "Cargo.toml", "*/Cargo.toml", ".cargo/*", "rust-toolchain*", *_VERSIONS),
        ("cargo",), "crates", deps=True,
        environment={"CARGO_HOME": f"{DEPS}/cargo"}, later={"CARGO_NET_OFFLINE": "true"},
    )  # fmt: skip


def _go(files: Collection[str], has: Callable[[str], bool]) -> Recipe | None:
    del has
    if "go.sum" not in files or "go.mod" not in files:
        return None
    return Recipe(
        "go", ("go.sum",), "go mod download", (), ("go.mod", "go.sum", "go.work", "go.work.sum", *_VERSIONS),
        ("go",), "go", deps=True,
        environment={"GOMODCACHE": f"{DEPS}/go", "GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "local"},
        later={"GOPROXY": "off"},
    )  # fmt: skip


def _pods(files: Collection[str], has: Callable[[str], bool]) -> Recipe | None:
    del has
    if "Podfile.lock" not in files or "Podfile" not in files:
        return None
    return Recipe(
        "cocoapods", ("Podfile.lock",), "pod install --deployment", ("Pods",), ("Podfile", "Podfile.lock"),
        ("pod",), "none",
    )  # fmt: skip
