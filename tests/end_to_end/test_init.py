"""``codebutler init`` as a person runs it: with flags, again, and answering its questions."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
from pathlib import Path

import pytest

from codebutler.cli.seeding import seeds
from codebutler.testing.stage import PROGRAM

KEY = "sk-or-v1-canary0123456789abcdef"


class Desk:
    """A repo, a home and a person who types."""

    def __init__(self, folder: Path) -> None:
        self.repo, self.home = folder / "repo", folder / "home"
        self.home.mkdir()
        self.env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TERM": "dumb"}
        self.git("init", "-q", "-b", "main", str(self.repo), where=folder)
        self.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first")

    @property
    def inner(self) -> Path:
        return self.repo / ".codebutler"

    @property
    def global_file(self) -> Path:
        return self.home / ".codebutler" / "config.json"

    def git(self, *words: str, where: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=where or self.repo, env=self.env, capture_output=True, text=True, check=True
        )
        return done.stdout

    def init(self, *words: str, code: int = 0, **env: str) -> str:
        done = subprocess.run(
            [*PROGRAM, "init", *words],
            cwd=self.repo,
            env=self.env | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        assert KEY not in said
        assert "Traceback" not in said
        return said

    def talk(self, answers: dict[str, str], *words: str, **env: str) -> str:
        """Run init on a terminal; after each question that is a key of ``answers``, type its answer."""
        master, slave = pty.openpty()
        process = subprocess.Popen(
            [*PROGRAM, "init", *words],
            cwd=self.repo,
            env=self.env | env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        said, open_questions, until = "", dict(answers), time.monotonic() + 60
        while time.monotonic() < until:
            ready, _, _ = select.select([master], [], [], 0.2)
            try:
                said += os.read(master, 4096).decode() if ready else ""
            except OSError:  # the terminal's other end is closed: the program has ended
                break
            for question in [q for q in open_questions if q in said]:
                os.write(master, (open_questions.pop(question) + "\n").encode())
        os.close(master)
        assert process.wait(10) == 0, said
        assert not open_questions, said
        return said


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_repo_is_set_up(desk: Desk) -> None:
    said = desk.init("--yes")
    for below, text in seeds():
        assert (desk.inner / below).read_text() == text
        assert f"wrote .codebutler/{below}" in said
    assert json.loads((desk.inner / "config.json").read_text()) == {
        "limits": {"maxConcurrentThreads": 3, "maxCallsPerHour": 100}
    }
    assert "codebutler chat" in said
    assert "OPENROUTER_API_KEY" in said, "without a key it says what is missing"
    for name in ("store.db", "store.db-wal", "branches/x/y", "images/a.png", "lock"):
        (desk.inner / name).parent.mkdir(parents=True, exist_ok=True)
        (desk.inner / name).touch()
    desk.git("add", ".")
    staged = desk.git("diff", "--cached", "--name-only").split()
    assert sorted(staged) == sorted(
        [f".codebutler/{n}" for n in (".gitignore", "config.json", *(below for below, _ in seeds()))]
    )
    assert not desk.global_file.exists()


def test_again_changes_nothing_that_was_edited(desk: Desk) -> None:
    desk.init("--yes")
    (desk.inner / "prompts" / "pm.md").write_text("mine\n")
    (desk.inner / "config.json").write_text('{"limits": {"maxCallsPerHour": 7}}')
    (desk.inner / ".gitignore").write_text("branches/\nmine/")
    (desk.inner / "memory" / "pm.md").unlink()
    said = desk.init("--yes")
    assert (desk.inner / "prompts" / "pm.md").read_text() == "mine\n"
    assert (desk.inner / "config.json").read_text() == '{"limits": {"maxCallsPerHour": 7}}'
    ignored = (desk.inner / ".gitignore").read_text().splitlines()
    assert ignored[:2] == ["branches/", "mine/"]
    assert {"store.db*", "images/", "lock"} <= set(ignored)
    assert (desk.inner / "memory" / "pm.md").exists()
    before = {p: p.stat().st_mtime_ns for p in desk.inner.rglob("*")}
    assert "wrote" not in desk.init("--yes")
    assert {p: p.stat().st_mtime_ns for p in desk.inner.rglob("*")} == before
    assert said.count("wrote") == 2


def test_keys_are_found_and_kept_only_on_request(desk: Desk) -> None:
    said = desk.init("--yes", OPENROUTER_API_KEY=KEY)
    assert "found openrouter.apiKey (OPENROUTER_API_KEY)" in said
    assert not desk.global_file.exists()
    desk.init("--yes", "--save-keys", OPENROUTER_API_KEY=KEY, OPENAI_BASE_URL="http://127.0.0.1:1/v1")
    assert json.loads(desk.global_file.read_text()) == {
        "openrouter": {"apiKey": KEY},
        "openai": {"baseUrl": "http://127.0.0.1:1/v1"},
    }
    assert desk.global_file.stat().st_mode & 0o777 == 0o600
    assert desk.global_file.parent.stat().st_mode & 0o077 == 0
    everything = b"".join(p.read_bytes() for p in desk.repo.rglob("*") if p.is_file())
    assert KEY.encode() not in everything


def test_settings_by_flag_are_checked_before_they_are_written(desk: Desk) -> None:
    desk.init("--yes", "--set", "models.coder.model=a/b", "--set", "limits.usdPerThread=0.5")
    written = (desk.inner / "config.json").read_text()
    assert json.loads(written)["models"] == {"coder": {"model": "a/b"}}
    for wish, words in (
        ("limits.maxCalls=3", "Did you mean limits.maxCallsPerHour?"),
        (f"openrouter.apiKey={KEY}", "is a secret"),
        ("sandbox.tier=off", "host's to set"),
        ("nonsense", "is not KEY=VALUE"),
    ):
        assert words in desk.init("--yes", "--set", wish, code=2)
        assert (desk.inner / "config.json").read_text() == written
    assert "ignored" in desk.init("--yes", "--set", "limits.usdPerThread=500")


def test_the_wizard_asks(desk: Desk) -> None:
    said = desk.talk(
        {
            "Keep slack.botToken": "y",
            "OpenRouter API key": KEY,
            "Model of the PM": "vendor/pm",
            "Model of the Coder": "",
            "Slack channel ID": "C0123",
        },
        SLACK_BOT_TOKEN="xoxb-0123456789-abcdef",
    )
    assert KEY not in said, "a typed key is not echoed"
    config = json.loads((desk.inner / "config.json").read_text())
    assert config["models"] == {"pm": {"default": "vendor/pm"}}
    assert config["slack"] == {"channelID": "C0123"}
    kept = json.loads(desk.global_file.read_text())
    assert kept == {"slack": {"botToken": "xoxb-0123456789-abcdef"}, "openrouter": {"apiKey": KEY}}


def test_what_is_wrong_is_one_line_with_the_fix(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert "not in a git repository" in desk.init("--repo", str(tmp_path / "plain"), code=1)
    (desk.inner).mkdir()
    (desk.inner / "config.json").write_text("{oops")
    assert "is not valid JSON" in desk.init("--yes", code=2)


@pytest.mark.parametrize(
    ("name", "code"), [(".", 2), ("prompts", 1), ("prompts/pm.md", 0), ("config.json", 2)]
)
def test_it_writes_through_no_link(desk: Desk, tmp_path: Path, name: str, code: int) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = desk.inner / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere / "new" if link.suffix else elsewhere)
    desk.init("--yes", code=code)
    assert link.is_symlink()
    assert list(elsewhere.iterdir()) == []
