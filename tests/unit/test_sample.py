"""The sample repo: real, the same everywhere, and with exactly one bug."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from codebutler.errors import UsageError
from codebutler.testing.sample import make_sample


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def run_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "unittest"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_one_test_fails_and_the_fix_of_one_word_mends_it(tmp_path: Path) -> None:
    sample = make_sample(tmp_path / "s")
    before = run_tests(sample.repo)
    assert before.returncode != 0
    assert "FAILED (failures=1)" in before.stderr
    assert "test_a_parcel_of_exactly_two_kilos" in before.stderr
    assert "Decimal('7.90') != Decimal('5.40')" in before.stderr
    bands = sample.repo / "parcelrate/bands.py"
    bands.write_text(bands.read_text().replace("bisect_right", "bisect_left"))
    after = run_tests(sample.repo)
    assert after.returncode == 0
    assert "Ran 10 tests" in after.stderr


def test_main_is_pushed_and_the_checkout_is_clean(tmp_path: Path) -> None:
    sample = make_sample(tmp_path)
    assert git(sample.repo, "status", "--porcelain") == ""
    assert git(sample.repo, "branch", "--show-current") == "main"
    assert git(sample.repo, "rev-parse", "HEAD") == git(sample.remote, "rev-parse", "main")
    assert git(sample.repo, "rev-list", "--count", "HEAD") == "4"
    assert git(sample.repo, "symbolic-ref", "refs/remotes/origin/HEAD") == "refs/remotes/origin/main"
    git(tmp_path, "clone", "--quiet", str(sample.remote), "again")
    assert (tmp_path / "again/README.md").is_file()


def test_commits_do_not_depend_on_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_sample(tmp_path / "a")
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\nname=Other\n[commit]\ngpgsign=true\n[init]\ndefaultBranch=trunk\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    second = make_sample(tmp_path / "b")
    monkeypatch.delenv("GIT_DIR")
    assert git(first.repo, "rev-parse", "HEAD") == git(second.repo, "rev-parse", "HEAD")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UsageError, match="is not empty"):
        make_sample(tmp_path)
    with pytest.raises(UsageError, match="is not a folder"):
        make_sample(tmp_path / "mine.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_the_project_tells_its_own_rules(tmp_path: Path) -> None:
    sample = make_sample(tmp_path)
    rules = (sample.repo / "AGENTS.md").read_text()
    assert "python3 -m unittest" in rules
    assert "2 kg" in sample.task
    assert not list(sample.repo.rglob("*.txt"))
