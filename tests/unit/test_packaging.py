"""The wheel that people install: what is in it, and that it runs whatever folder it is started in."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ("tools", "roles", "prompts_defaults", "memory_defaults", "evals", "service-templates")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the pinned backend that is already here: no network, no isolation."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def members(wheel: Path) -> list[str]:
    """Paths in the wheel."""
    return zipfile.ZipFile(wheel).namelist()


def test_the_package_is_the_only_importable_name(members: list[str]) -> None:
    tops = {name.split("/")[0] for name in members}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"codebutler"}


@pytest.mark.parametrize("folder", DATA)
def test_every_data_file_is_carried(folder: str, members: list[str], tracked: dict[Path, str]) -> None:
    files = [p.as_posix() for p in tracked if p.parts[0] == folder]
    assert files
    assert {f"codebutler/_assets/{f}" for f in files} - set(members) == set()


def test_every_module_and_shipped_scenario_is_carried(members: list[str], tracked: dict[Path, str]) -> None:
    assert {p.as_posix() for p in tracked if p.parts[0] == "codebutler"} - set(members) == set()


def test_nothing_else_is_carried(members: list[str]) -> None:
    assert [
        x for x in members if "__pycache__" in x or x.startswith((".", "tests/")) or x.endswith(".pyc")
    ] == []


def test_the_wheel_runs_and_finds_its_own_data(wheel: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere, with the clone's path taken away, it must not reach back into the clone."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import sys; sys.path[:] = [sys.argv[1], *(p for p in sys.path if p != sys.argv[2])]\n"
        "from codebutler import assets\n"
        "print(assets.folder('tools')); print(len(assets.text('prompts_defaults', 'pm.md')))\n"
        "try:\n    import tools\nexcept ImportError:\n    print('no tools')\n"
    )
    command = [sys.executable, "-P", "-c", code, str(tmp_path / "site"), str(ROOT)]
    lines = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert lines[0] == str(tmp_path / "site/codebutler/_assets/tools")
    assert int(lines[1]) > 0
    assert lines[2] == "no tools"


@pytest.mark.parametrize("arguments", [["--version"], ["run", "--help"], ["doctor", "--help"]])
def test_a_hostile_folder_cannot_plant_modules(arguments: list[str], tmp_path: Path) -> None:
    """The console script, started in a repo that holds modules of the names that we import."""
    trap = "import pathlib; pathlib.Path(__file__).with_name('sprung').touch()\n"
    for name in ("json.py", "typing.py", "pydantic.py", "codebutler/__init__.py", "tools/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(trap, encoding="utf-8")
    script = Path(sys.executable).with_name("codebutler")
    subprocess.run([script, *arguments], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert list(tmp_path.rglob("sprung")) == []
