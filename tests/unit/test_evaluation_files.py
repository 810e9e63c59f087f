"""Eval files: what is wrong with one is said in a line, with the place and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from codebutler.errors import CodeButlerError, ConfigError, UsageError
from codebutler.evaluation import ground, series
from codebutler.evaluation.kinds import KINDS
from codebutler.evaluation.loading import load, load_all, parse, shipped
from codebutler.evaluation.play import cage
from codebutler.evaluation.rehearsal import scenario

SMALL = """
about = "Nothing much."
task = "Do it."
[[oracles]]
kind = "outcome"
one_of = ["pr"]
"""
RUN = '\n[[runs]]\nname = "good"\nplan = ["a.py"]\n'
WORK = '[[runs.work]]\nname = "write"\narguments = { path = "a.py", content = "1" }\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("about = [", "is not TOML"),
        (SMALL.replace("task", "tsak"), "tsak: unknown key (did you mean 'task'?)"),
        (SMALL.replace("one_of", "one"), "unknown key (did you mean 'one_of'?)"),
        (SMALL.replace('"pr"', '"merged"'), "oracles[1].outcome.one_of[1]"),
        (SMALL.replace('"outcome"', '"outcomes"'), "oracles[1]"),
        (SMALL + '[[oracles]]\nkind = "outcome"\none_of = ["pr"]\n', "share the name 'outcome'"),
        (SMALL + RUN.replace("plan", "work = []\nplans"), "plans: unknown key (did you mean 'plan'?)"),
        (SMALL + '[[runs]]\nname = "x"\n', "runs[1]: does nothing"),
        (SMALL + RUN + 'fails = ["tests"]\n', "names no oracle: 'tests'; there are outcome"),
        (SMALL + '[repo.files]\n"../x" = ""\n', "'../x' is no file of a repo"),
        (SMALL + '[repo.files]\n".GIT/hooks/x" = ""\n', "is no file of a repo"),
        (SMALL + "[limits]\nusd = 0\n", "limits.usd: Input should be greater than 0"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert words in str(caught.value)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("source", ["nothing-there", "/"])
def test_what_cannot_be_read_names_those_that_can(source: str) -> None:
    with pytest.raises(CodeButlerError) as caught:
        load(source)
    assert "bugfix" in str(caught.value)


def test_a_folder_holds_file_runs_and_repo(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "repo/src").mkdir(parents=True)
    (folder / "eval.toml").write_text(SMALL)
    (folder / "runs.toml").write_text(RUN)
    (folder / "repo/src/a.bin").write_bytes(b"\0\1")
    (folder / "repo/link").symlink_to("/etc/passwd")
    loaded = load(str(folder))
    assert loaded.name == "mine"
    assert [run.name for run in loaded.evaluation.runs] == ["good"]
    assert loaded.files == {"src/a.bin": b"\0\1"}


def test_all_are_the_shipped_ones_each_once() -> None:
    assert [each.name for each in load_all(["all", "bugfix"])] == shipped()


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bugfix.toml").write_text(SMALL)
    with pytest.raises(UsageError, match="two evals are called 'bugfix'"):
        load_all(["bugfix", str(tmp_path / "bugfix.toml")])


def test_the_repo_has_its_files_its_history_and_its_team(tmp_path: Path) -> None:
    repeated = '[[repo.repeated]]\npath = "long.txt"\nline = "line {n}\\n"\ncount = 3\nhead = "top\\n"\n'
    second = '[[repo.commits]]\nmessage = "Second"\nfiles = { "b.txt" = "b" }\nremove = ["a.txt"]\n'
    loaded = parse(SMALL + repeated + second + '[repo.files]\n"a.txt" = "a"\n')
    grounds = ground.make(tmp_path, loaded, {"prompts/pm.md": b"Be brief."})
    assert (grounds.repo / "long.txt").read_text() == "top\nline 1\nline 2\nline 3\n"
    assert not (grounds.repo / "a.txt").exists()
    assert (grounds.repo / ".codebutler/prompts/pm.md").read_bytes() == b"Be brief."
    assert (grounds.remote / "refs/heads/main").read_text() == (
        grounds.repo / ".git/refs/heads/main"
    ).read_text()


def test_a_team_is_read_from_a_repo_or_its_folder(tmp_path: Path) -> None:
    (tmp_path / ".codebutler/prompts").mkdir(parents=True)
    (tmp_path / ".codebutler/prompts/pm.md").write_text("Be brief.")
    (tmp_path / ".codebutler/config.json").write_text("{}")
    expected = {"prompts/pm.md": b"Be brief."}
    assert ground.read_team(tmp_path) == ground.read_team(tmp_path / ".codebutler") == expected
    with pytest.raises(UsageError, match=r"has no prompts/, memory/ or roles/"):
        ground.read_team(tmp_path / ".codebutler/prompts")


def test_the_short_form_becomes_a_script_of_three_roles() -> None:
    loaded = parse(SMALL + RUN.replace("plan", 'asks = "Which?"\nplan') + WORK)
    script = scenario(loaded.evaluation, loaded.evaluation.runs[0])
    calls = [(s.role, [c.name for step in s.steps for c in step.calls]) for s in script.scripts]
    assert calls == [("pm", ["ask_user", "propose_plan"]), ("coder", ["write"]), ("lead", ["write_summary"])]


def test_every_kind_of_oracle_is_explained() -> None:
    page = (Path(__file__).parents[2] / "docs/evaluating.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"`{kind}`" not in page] == []


async def test_a_run_has_the_hosts_models_and_neither_its_servers_nor_its_network(tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    server = {"command": "tracker", "env": {"TRACKER_KEY": "aB3dE6gH9jK2mN5pQ8rS"}}
    (host / "config.json").write_text(
        json.dumps(
            {
                "mcp": {"servers": {"tracker": server}, "allow": ["tracker.example:443"]},
                "sandbox": {"allow": ["example.org:443"]},
                "models": {"coder": {"model": "vendor/coder"}},
                "limits": {"usdPerThread": 0.25},
            }
        )
    )
    (host / "config.json").chmod(0o600)
    loaded = parse(SMALL)
    (tmp_path / "run").mkdir()
    grounds = ground.make(tmp_path / "run", loaded, {})
    flags = {"model": None, **series._caps(loaded.evaluation, 0.5, host)}
    place = await series._place(grounds, host, flags, env={})
    assert (place.config.mcp.servers, place.config.mcp.allow, cage(place).allow) == ({}, [], ())
    assert not place.config.web.enabled
    assert place.config.model_of("coder") == "vendor/coder"
    assert place.config.origin("models.coder.model") == str(host / "config.json")
    assert place.config.limits.usd_per_thread == 0.25
    assert place.home == grounds.home
    assert "aB3dE6gH9jK2mN5pQ8rS" not in place.redactor.text("key aB3dE6gH9jK2mN5pQ8rS")
