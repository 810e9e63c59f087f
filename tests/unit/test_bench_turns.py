"""The benchmark around a model: what is counted as sent before, what that costs, which peers are missing."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pytest

from codebutler.bench.bills import bill, dollars
from codebutler.bench.recording import prompt, sent, shared
from codebutler.bench.turns import Turns, absence, measure, tables
from codebutler.cli import bench
from codebutler.errors import UsageError
from codebutler.types import Json

TOOL = {"type": "function", "function": {"name": "bash"}}


def chat(*texts: str) -> bytes:
    said = [{"role": "user", "content": text} for text in texts]
    return json.dumps({"messages": [{"role": "system", "content": "s"}, *said], "tools": [TOOL]}).encode()


@pytest.mark.parametrize(("one", "other", "size"), [
    (b"", b"abc", 0), (b"abc", b"abc", 3), (b"abcd", b"abxd", 2), (b"abc", b"xbc", 0), (b"ab", b"abcdef", 2),
])  # fmt: skip
def test_the_common_beginning_is_found(one: bytes, other: bytes, size: int) -> None:
    assert shared(one, other) == shared(other, one) == size


def test_a_transcript_that_grows_was_sent_before_and_one_that_is_rewritten_was_not() -> None:
    grown = sent([chat("a" * 100), chat("a" * 100, "b"), chat("title?"), chat("a" * 100, "b", "c")])
    assert grown[0][1] == 0
    assert grown[1][1] == grown[0][0]
    assert grown[3][1] == grown[1][0]
    assert grown[2][1] < grown[2][0] < grown[0][0]


@pytest.mark.parametrize("body", [
    {"tools": [TOOL], "instructions": "s", "input": [{"role": "user", "content": "ä"}]},
    {"input": [{"role": "user", "content": "ä"}], "instructions": "s", "tools": [TOOL], "stream": True},
    {"tools": [TOOL], "system": "s", "messages": [{"role": "user", "content": "ä"}]},
])  # fmt: skip
def test_every_dialect_is_read_in_the_order_of_a_cache(body: Json) -> None:
    tool, system, said = prompt(body).decode().split("\n")
    assert (json.loads(tool), json.loads(system)) == ([TOOL], "s")
    assert json.loads(said) == {"role": "user", "content": "ä"}


def test_cache_reads_cost_a_tenth_and_short_prompts_are_not_kept(tmp_path: Path) -> None:
    million = 4_000_000
    assert dollars([(million, 0)]) == pytest.approx(1.25 + 20 * 10e-6)
    assert dollars([(million, million)]) == pytest.approx(0.125 + 20 * 10e-6)
    assert dollars([(4000, 4000)]) == dollars([(4000, 0)])
    for run, before in ((0, 0), (1, million), (2, million)):
        (tmp_path / f"pi.mixed200.{run}.sent").write_text(json.dumps([[million, before]]))
    (tmp_path / "pi.mixed200.warmup.sent").write_text("[[1, 1]]")
    (tmp_path / "pi.mixed200.3.sent").write_text("[]")
    assert bill(tmp_path, "pi", "mixed200") == pytest.approx((0.1252, 1.0))
    assert bill(tmp_path, "pi", "shell50") is None


def test_missing_peers_are_named_with_the_way_to_install_them(tmp_path: Path) -> None:
    table = "\n".join(
        f'[client.{name}]\nargv = ["{{prefix}}/{name}/bin/{name}", "{{prompt}}"]'
        for name in ("stub", "pi", "codex")
    )
    (tmp_path / "clients.toml").write_text(table)
    assert absence(Turns(tmp_path, "shell4", 1)).startswith("Not installed: pi, codex. ")
    (tmp_path / "pi/bin").mkdir(parents=True)
    (tmp_path / "pi/bin/pi").touch()
    turns = Turns(tmp_path, "shell4", 1, tmp_path)
    assert turns.installed == ["pi"]
    assert (
        f"Not installed: codex. They are npm and pip packages: bash {tmp_path}/install_peers.sh"
        in absence(turns)
    )


def test_the_table_shows_ratios_to_the_floor_and_the_bill() -> None:
    floor = {"client": "stub", "script": "shell4", "turn_p50": 2.0, "usd": 0.5, "again": 99.0}
    ours = {"client": "codebutler", "script": "shell4", "turn_p50": 3.0, "usd": 0.25, "again": 98.5}
    shown = tables([floor, ours])
    assert "| a turn, median | 2.0 ms (1.00x) | 3.0 ms (1.50x) |" in shown
    assert "| $0.500 | $0.250 |" in shown
    assert "| of it sent before | 99.0 % | 98.5 % |" in shown


def test_without_the_bare_loop_the_table_has_no_ratios() -> None:
    shown = tables([{"client": "codebutler", "script": "shell4", "turn_p50": 3.0}])
    assert "the bare loop came to no end" in shown
    assert "| a turn, median | 3.0 ms |" in shown


def test_the_program_of_an_environment_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "clients.toml").write_text("[client]\n")
    (tmp_path / "run_peers.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "scripted_model.py").write_text("")
    theirs = tmp_path / "peers" / "bench" / "bin" / "python"
    theirs.parent.mkdir(parents=True)
    (tmp_path / "python3").write_text("#!/bin/sh\nexec /usr/bin/python3\n")
    theirs.symlink_to(tmp_path / "python3")
    with pytest.raises(UsageError, match="exit code 3"):
        measure(Turns(tmp_path, "shell4", 1, tmp_path / "peers"))
    assert theirs.readlink() == tmp_path / "python3"


def test_a_client_without_a_run_is_named_and_an_old_wrapper_is_not_run(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "clients.toml").write_text("[client]\n")
    (tmp_path / "run_peers.py").write_text(
        "import json, pathlib, sys\nout = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])\nout.mkdir()\n"
        "c = {'client': 'stub', 'script': 'shell4'}\n(out / 'summary.json').write_text(json.dumps([c]))\n"
    )
    (tmp_path / "scripted_model.py").write_text("")
    ours = tmp_path / "peers" / "codebutler" / "bin" / "codebutler"
    ours.parent.mkdir(parents=True)
    ours.write_text("#!/bin/sh\nexec /gone/codebutler\n")
    floor = tmp_path / "peers" / "bench" / "bin" / "python"
    floor.parent.mkdir(parents=True)
    floor.write_text("#!/bin/sh\nexec /gone/python\n")
    assert measure(Turns(tmp_path, "shell4", 1, tmp_path / "peers"))[0]["client"] == "stub"
    assert "/gone/" not in ours.read_text() + floor.read_text()
    assert capfd.readouterr().err.endswith("No run came to its end: codebutler\n")


@pytest.mark.parametrize(("words", "told"), [
    (["--runs", "0"], "--runs must be at least 1"),
    (["--scripts", "shell50,nosuch"], "no script 'nosuch'"),
    (["--scripts", ""], "no script ''"),
    (["--peers", "absent/peers"], "no folder absent/peers"),
])  # fmt: skip
def test_a_slip_of_the_pen_is_named_before_anything_is_measured(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    bench.configure(parser)
    with pytest.raises(UsageError, match=re.escape(told)):
        bench.run(parser.parse_args(["turns", *words]))
    assert list(tmp_path.iterdir()) == []
