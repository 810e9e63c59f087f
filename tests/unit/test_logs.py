"""The service's log: one line a record, nothing secret, nobody else's eyes."""

from __future__ import annotations

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


def test_a_line_has_time_tag_thread_and_text(file: Path) -> None:
    logs.setup(Redactor(), file=file, stderr=False)
    logs.say("PM", "reads pricing.py", thread="T1")
    logs.say("INF", "ready")
    logs.say("DBG", "not shown")
    lines = file.read_text().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z PM  T1 reads pricing\.py", lines[0])
    assert lines[1].endswith("Z INF - ready")
    assert len(lines) == 2


def test_secrets_are_taken_out_here(file: Path) -> None:
    logs.setup(Redactor(["canary-value"]), file=file, stderr=False)
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
    logs.setup(Redactor(), file=file, stderr=False)
    logs.say("MSG", "hi\n2026-01-01T00:00:00.000Z INF - forged \x1b[2J \u202e é %s %d")
    line = file.read_text()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert "\u202e" not in line
    assert "é %s %d" in line


def test_json_on_request(file: Path) -> None:
    logs.setup(Redactor(), file=file, stderr=False, json_lines=True, debug=True)
    logs.say("DBG", 'a "b"\nc', thread="T")
    record = json.loads(file.read_text())
    assert (record["tag"], record["thread"], record["text"]) == ("DBG", "T", 'a "b"\nc')


def test_stderr_too(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup(Redactor(), file=file)
    logs.say("WRN", "look")
    assert capsys.readouterr().err == file.read_text()


def test_only_the_owner_reads_the_file(file: Path) -> None:
    logs.setup(Redactor(), file=file, stderr=False)
    logs.say("INF", "x")
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_full_file_makes_room(file: Path) -> None:
    logs.setup(Redactor(), file=file, stderr=False)
    for _ in range(12):
        logs.say("INF", "x" * 1024 * 1024)
    assert file.with_name("daemon.log.1").stat().st_mode & 0o777 == 0o600
    assert file.stat().st_size < logs.MAX_BYTES
