"""What a headless run prints and how it ends, whatever the thread came to."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import get_args

from codebutler.cli.headless import EXIT, line_of, summary
from codebutler.events import Outcome, parse
from codebutler.store.rows import StoredEvent
from codebutler.testing.stage import PROGRAM
from codebutler.thread.fold import fold
from codebutler.thread.state import ThreadState

GOLDEN = Path(__file__).parent / "golden" / "demo_thread.jsonl"


def demo() -> list[StoredEvent]:
    rows = [json.loads(line) for line in GOLDEN.read_text().splitlines()]
    return [
        StoredEvent(r["thread"], r["seq"], r["kind"], str(r["seq"]), json.dumps(r), r["ts"]) for r in rows
    ]


def test_every_outcome_has_an_exit_code() -> None:
    assert set(EXIT) == set(get_args(Outcome))
    assert set(EXIT.values()) == {0, 1, 3}
    assert {o for o, code in EXIT.items() if code == 3} == {"plan", "question", "paused", "rewound"}


def test_a_line_is_the_event_with_its_place_in_the_log() -> None:
    row = StoredEvent("t1", 7, "pushed", "k", '{"kind":"pushed","branch":"b","commit":"c"}', 1.5)
    line = json.loads(line_of(row))
    assert line == {"kind": "pushed", "thread": "t1", "seq": 7, "ts": 1.5, "branch": "b", "commit": "c"}


def test_the_lines_of_a_log_are_one_line_each_and_read_back() -> None:
    for row in demo():
        line = line_of(row)
        assert "\n" not in line
        assert parse(line) == parse(row.body)


def test_the_summary_of_a_landed_thread() -> None:
    rows = demo()
    state = fold(rows[0].thread, ((r.seq, r.ts, parse(r.body)) for r in rows))
    said = summary(state, 0, repo="/r")
    assert said["kind"] == "summary"
    assert (said["phase"], said["outcome"], said["exit"], said["repo"]) == ("closed", "closed", 0, "/r")
    assert said["pr"] == {"number": 1, "state": "merged", "url": "/srv/demo/sample/remote.git#1"}
    assert said["branch"] == "codebutler/charge-a-parcel-at-a-band-s-limit-by-tha"
    assert said["usd"] == 0.026141
    assert said["tokens"] == {"input": 97633, "output": 1418, "cached": 79963}
    json.dumps(said)


def test_the_summary_of_a_thread_that_did_nothing() -> None:
    said = summary(ThreadState("t1"), 1)
    assert (said["branch"], said["pr"], said["usd"], said["outcome"]) == (None, None, 0, None)


def test_letters_that_a_terminal_lacks_become_question_marks() -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*PROGRAM, "--help"], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.startswith("usage: codebutler COMMAND ?\n")
