"""The service's log: one line a record, nothing secret, nobody else's eyes."""

from __future__ import annotations

import contextvars
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from codebutler import logs
from codebutler.redact import Redactor


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "logs" / "daemon.log"
    logs.close()


def test_a_line_has_time_tag_thread_role_and_text(file: Path) -> None:
    logs.keep(Redactor(), file)
    logs.say("PM", "reads pricing.py", thread="T1", role="pm")
    logs.say("INF", "ready")
    logs.say("DBG", "not shown")
    lines = file.read_text().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z PM  T1 pm reads pricing\.py", lines[0])
    assert lines[1].endswith("Z INF - - ready")
    assert len(lines) == 2


def test_secrets_are_taken_out_here(file: Path) -> None:
    logs.keep(Redactor(["canary-value"]), file)
    logs.say("ERR", "sent canary-value and sk-ant-api03-aaaaaaaaaaaaaaaa")
    try:
        int("canary-value in an exception")
    except ValueError:
        logging.getLogger(f"{logs.NAME}.inner").exception("failed")
    text = file.read_text()
    assert "canary" not in text
    assert "sk-ant" not in text
    assert text.count("[redacted]") == 4
    assert text.count("\n") == 2, "a traceback is one line too"


def test_a_record_cannot_forge_another_or_steer_a_terminal(file: Path) -> None:
    logs.keep(Redactor(), file)
    logs.say("MSG", "hi\n2026-01-01T00:00:00.000Z INF - forged \x1b[2J \u202e é %s %d")
    line = file.read_text()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert "\u202e" not in line
    assert "é %s %d" in line


def test_json_on_request(file: Path) -> None:
    logs.keep(Redactor(), file, json_lines=True)
    logs.say("CLD", 'a "b"\nc', thread="T", role="coder", repo="shop")
    record = json.loads(file.read_text())
    assert record.pop("time").endswith("Z")
    assert record == {"tag": "CLD", "repo": "shop", "thread": "T", "role": "coder", "text": 'a "b"\nc'}


def test_stderr_too(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.keep(Redactor(), file)
    logs.console(Redactor())
    logs.say("WRN", "look")
    assert capsys.readouterr().err == file.read_text()


def test_only_the_owner_reads_the_file(file: Path) -> None:
    logs.keep(Redactor(), file)
    logs.say("INF", "x")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_full_file_makes_room(file: Path) -> None:
    logs.keep(Redactor(), file)
    for _ in range(12):
        logs.say("INF", "x" * 1024 * 1024)
    assert file.with_name("daemon.log.1").stat().st_mode & 0o777 == 0o600
    assert file.stat().st_size < logs.MAX_BYTES


def test_each_repo_has_a_file_of_its_own(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = file.with_name("other.log")
    logs.keep(Redactor(), file, repo="shop")
    logs.keep(Redactor(), other, repo="site")
    logs.console(Redactor(), repos=True)
    contextvars.Context().run(_works_for, "shop", "in the shop")
    logs.say("INF", "on the site", repo="site")
    logs.say("WRN", "for all")
    assert [line.split(" - - ")[1] for line in file.read_text().splitlines()] == ["in the shop", "for all"]
    assert [line.split(" - - ")[1] for line in other.read_text().splitlines()] == ["on the site", "for all"]
    assert re.findall(r"(?:INF|WRN) (\S+) - -", capsys.readouterr().err) == ["shop", "site", "-"]
    logs.drop("shop")
    logs.say("INF", "later")
    assert "later" not in file.read_text()
    assert "later" in other.read_text()


def _works_for(repo: str, words: str) -> None:
    logs.REPO.set(repo)
    logging.getLogger(f"{logs.NAME}.inner").warning(words)


def test_the_journal_learns_how_grave_a_line_is(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.console(Redactor(), journal=True)
    logs.keep(Redactor(), file)
    logs.say("ERR", "broken")
    logs.say("MSG", "hello")
    assert [line[:3] for line in capsys.readouterr().err.splitlines()] == ["<3>", "<6>"]
    assert "<3>" not in file.read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_disk_that_takes_no_more_is_said_once_and_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    logs.keep(Redactor(), Path("/dev/full"))
    for _ in range(3):
        logs.say("INF", "x" * 20_000)
    logs.close()
    assert capsys.readouterr().err == "codebutler: the log /dev/full: No space left on device\n"
