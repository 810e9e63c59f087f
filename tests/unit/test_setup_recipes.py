"""What lockfiles ask for, and what a repo's own setup may say."""

from __future__ import annotations

import pytest

from codebutler.errors import ConfigError
from codebutler.settings.shape import Setup
from codebutler.setup.recipes import covers, decides, detect, own, sound

LOCKS = {
    ("requirements.txt",): ("python", "pip install --no-input -r requirements.txt"),
    ("requirements.txt", "requirements-dev.txt"): ("python", "-r requirements.txt -r requirements-dev.txt"),
    ("uv.lock", "pyproject.toml"): ("python", "uv sync --frozen"),
    ("poetry.lock",): ("python", "poetry install"),
    ("pylock.toml",): ("python", "-r pylock.toml"),
    ("package-lock.json", "package.json"): ("node", "npm ci"),
    ("npm-shrinkwrap.json", "package-lock.json"): ("node", "npm ci"),
    ("pnpm-lock.yaml",): ("node", "pnpm install --frozen-lockfile"),
    ("yarn.lock",): ("node", "yarn install --frozen-lockfile"),
    ("yarn.lock", ".yarnrc.yml"): ("node", "yarn install --immutable"),
    ("Cargo.lock",): ("cargo", "cargo fetch --locked"),
    ("go.mod", "go.sum"): ("go", "go mod download"),
    ("Podfile", "Podfile.lock"): ("cocoapods", "pod install --deployment"),
}


@pytest.mark.parametrize("files", LOCKS, ids=lambda files: files[0] + f"+{len(files) - 1}")
def test_each_lockfile_has_its_command(files: tuple[str, ...]) -> None:
    name, command = LOCKS[files]
    (found,) = detect(files, lambda _: True)
    assert found.name == name
    assert command in found.command
    assert any(decides(found, file) for file in files)
    assert found.preset


def test_a_repo_may_need_several() -> None:
    names = [r.name for r in detect(["requirements.txt", "package-lock.json", "src/a.py"], lambda _: True)]
    assert names == ["python", "node"]


@pytest.mark.parametrize(
    "files", [[], ["pyproject.toml"], ["web/package-lock.json"], ["go.mod"], ["Podfile"]]
)
def test_nothing_is_guessed(files: list[str]) -> None:
    assert detect(files, lambda _: True) == []


def test_a_tool_that_the_sandbox_lacks_gives_way_to_a_plain_list() -> None:
    (found,) = detect(["uv.lock", "requirements.txt"], lambda program: program != "uv")
    assert found.sources == ("requirements.txt",)
    (found,) = detect(["uv.lock"], lambda program: program != "uv")
    assert found.programs[0] == "uv"


@pytest.mark.parametrize("path", ["node_modules/x/y.js", "node_modules", "web/node_modules/a"])
def test_folders_that_the_repo_keeps_itself_are_left_alone(path: str) -> None:
    assert detect(["package-lock.json", path], lambda _: True) == []


def test_an_own_setup_is_taken_as_it_is() -> None:
    made = own(Setup(command="make deps", keep=["lib", "*/gen", ".venv"], key=["deps.*"]))
    assert (made.command, made.keep) == ("make deps", ("lib", "*/gen", ".venv"))
    assert made.later["VIRTUAL_ENV"].endswith("/.venv")
    assert decides(made, "deps.lock")
    assert not decides(made, "other")


@pytest.mark.parametrize(
    "folder",
    ["/etc", "../x", "a/../b", ".", ".git", ".git/hooks", "a/.GIT", ".codebutler", ".codebutler/branches/x",
     "a//b", "a\n", "-x y", "*/../x", "a/b/c/d/e/f/g", "x" * 200, "{a}", "a\\b"],
)  # fmt: skip
def test_a_setup_makes_plain_folders_only(folder: str) -> None:
    assert not sound(folder, stars=True)
    with pytest.raises(ConfigError, match=r"setup\.keep"):
        own(Setup.model_construct(command="x", keep=[folder], key=[]))


def test_a_setup_that_makes_nothing_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="names no folder"):
        own(Setup(command="true"))


def test_stars_stand_for_one_folder() -> None:
    assert covers("*/node_modules", "web/node_modules/a/b")
    assert not covers("*/node_modules", "a/b/node_modules")
    assert not sound("*/x")
