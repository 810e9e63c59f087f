"""``codebutler run``: exit codes, last lines, and what a person's mistake is answered with."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from codebutler.testing import note
from codebutler.testing.stage import Stage


@pytest.mark.parametrize("stage", ["question"], indirect=True)
async def test_a_question_is_answered_without_a_coder(stage: Stage) -> None:
    done = await stage.cli("run", "How is insurance priced?", "--json")
    assert done.code == 0, done.stderr
    assert done.summary["outcome"] == "answered"
    assert "worktree_ready" not in done.kinds()
    assert stage.server.failures == []


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_without_yes_the_plan_waits_and_a_second_call_goes_on(stage: Stage) -> None:
    first = await stage.cli("run", "Add a note", "--json")
    assert (first.code, first.summary["outcome"]) == (3, "plan")
    thread = first.summary["thread"]
    second = await stage.cli("run", "go", "--thread", thread, "--json")
    assert (second.code, second.summary["outcome"]) == (0, "pr"), second.stderr
    assert stage.git("show", f"{second.summary['branch']}:NOTE", where=stage.sample.remote) == "noted"
    listed = await stage.cli("pr", "list")
    assert listed.code == 0
    third = await stage.cli("run", "merge", "--thread", thread, "--json")
    assert (third.code, third.summary["pr"]["state"]) == (0, "merged"), third.stderr
    assert stage.git("show", "main:NOTE", where=stage.sample.remote) == "noted"
    assert stage.server.bought_twice() == []


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_a_repo_without_a_remote_gets_one_in_the_home(stage: Stage) -> None:
    stage.git("remote", "remove", "origin")
    before = stage.git("rev-parse", "HEAD")
    done = await stage.cli("run", "Add a note", "--yes", "--merge", "--json")
    assert (done.code, done.summary["phase"]) == (0, "closed"), done.stderr
    assert stage.git("rev-parse", "HEAD") == before
    assert stage.git("status", "--porcelain") == ""
    assert stage.git("remote") == ""
    made = next((stage.home / "butler" / "remotes").iterdir())
    assert stage.git("show", "main:NOTE", where=made) == "noted"


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_a_coder_alone_works_on_the_task_as_given(stage: Stage) -> None:
    done = await stage.cli("run", "Add a note", "--role", "coder", "--yes", "--json")
    assert (done.code, done.summary["outcome"]) == (0, "done"), done.stderr
    assert done.summary["pr"] is None
    assert stage.git("show", f"{done.summary['branch']}:NOTE") == "noted"
    assert not (stage.sample.repo / "NOTE").exists()


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_the_same_key_is_the_same_thread(stage: Stage) -> None:
    first = await stage.cli("run", "Add a note", "--yes", "--json", "--key", "k1")
    second = await stage.cli("run", "Add a note", "--yes", "--json", "--key", "k1")
    assert first.summary["thread"] == second.summary["thread"]
    assert second.code == 0
    assert stage.server.bought_twice() == []
    assert len(second.of("message_received")) == len(first.of("message_received"))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run", ""], 2, "no task given"),
        (["run", "x", "--frobnicate"], 2, "unrecognized arguments"),
        (["run", "x", "--thread", "nope"], 2, "no thread 'nope'"),
        (["frobnicate"], 2, "no command 'frobnicate'"),
        (["show", "nope"], 2, "no thread 'nope'"),
        (["pr", "merge"], 2, "needs a number"),
        (["pr", "show", "7"], 1, "7"),
    ],
)
async def test_wrong_words_get_one_line(stage: Stage, words: list[str], code: int, said: str) -> None:
    done = await stage.cli(*words)
    assert done.code == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_a_command_that_does_not_fit_is_wrong_usage(stage: Stage) -> None:
    for wrong in ("/pm nonsense", "/nonsense", "/raise abc", "/rewind x", "/status now"):
        done = await stage.cli("run", wrong, "--json")
        assert (done.code, done.summary["exit"]) == (2, 2), (wrong, done.stderr)
    assert (await stage.cli("run", "/pm", "--json")).code == 0
    first = await stage.cli("run", "Add a note", "--json")
    more = ["--thread", first.summary["thread"], "--json"]
    assert (await stage.cli("run", "/approve but with tests", *more)).code == 2
    assert (await stage.cli("run", "/status", *more)).code == 3, "the plan still waits"


async def test_show_says_what_a_thread_at_a_cap_waits_for(stage: Stage) -> None:
    stage.configure({"limits": {"tokensPerThread": 10}})
    done = await stage.cli("run", "How is insurance priced?", "--json")
    assert (done.code, done.summary["outcome"]) == (3, "paused"), done.stderr
    code, shown, _ = await stage.starter(["show", done.summary["thread"]], stage.sample.repo, stage.env())
    words = shown.decode().replace("*", "")
    assert (code, 'Say "raise ' in words) == (0, True), words
    assert "Paused: the thread's cap of 10 tokens leaves too little for the next call." in words


async def test_no_repo_no_commit_and_no_key_each_say_what_to_do(stage: Stage, tmp_path: Path) -> None:
    shutil.rmtree(stage.sample.repo / ".git")
    done = await stage.cli("run", "x")
    assert done.code != 0
    assert "git init" in done.stderr
    subprocess.run(["git", "init", "-q", str(stage.sample.repo)], check=True)
    done = await stage.cli("run", "x")
    assert "commit" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stage", ["question"], indirect=True)
async def test_without_any_key_the_fix_is_named(stage: Stage) -> None:
    done = await stage.cli("run", "How is insurance priced?", "--json", OPENAI_BASE_URL="", OPENAI_API_KEY="")
    assert done.code in {1, 2}
    assert "OPENROUTER_API_KEY" in done.stderr + str(done.lines)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stage", [note.PLAIN], indirect=True)
async def test_a_secret_that_a_person_types_reaches_neither_log_nor_model(stage: Stage) -> None:
    canary = "sk-canary-0123456789abcdefghij"
    done = await stage.cli("run", f"Add a note with {canary}", "--yes", "--json")
    assert canary not in str(done.lines)
    for path in (stage.sample.repo / ".codebutler").glob("store.db*"):
        assert canary.encode() not in path.read_bytes()


FOLLOW_UP = """
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{ name = "propose_plan", arguments = { title = "Add a note", summary = "One line.", steps = [{ text = "Write NOTE" }], files = ["NOTE"] } }]
[[scripts.steps]]
expect = ["also a second"]
calls = [{ name = "propose_plan", arguments = { title = "Add another", summary = "One more.", steps = [{ text = "Write TWO" }], files = ["OTHER"] } }]

[[scripts]]
role = "coder"
match = "Add a note"
[[scripts.steps]]
calls = [{ name = "write", arguments = { path = "NOTE", content = "noted\\n" } }]
[[scripts.steps]]
text = "Wrote NOTE."

[[scripts]]
role = "coder"
match = "Add another"
[[scripts.steps]]
calls = [{ name = "read", arguments = { path = "NOTE" } }]
[[scripts.steps]]
expect = ["noted"]
calls = [{ name = "write", arguments = { path = "TWO", content = "two\\n" } }]
[[scripts.steps]]
text = "Wrote TWO."

[[scripts]]
role = "lead"
[[scripts.steps]]
calls = [{ name = "write_summary", arguments = { title = "Notes", summary = "Notes.", changes = ["NOTE"] } }]
[[scripts.steps]]
text = "Done."
"""


@pytest.mark.parametrize("stage", [FOLLOW_UP], indirect=True)
async def test_a_wish_after_the_pr_is_planned_and_lands_in_the_same_pr(stage: Stage) -> None:
    first = await stage.cli("run", "Please note it", "--yes", "--json")
    thread = first.summary["thread"]
    second = await stage.cli("run", "also a second", "--thread", thread, "--yes", "--json")
    assert (second.code, second.summary["outcome"]) == (0, "pr"), (second.stderr, stage.server.failures)
    assert second.summary["pr"] == first.summary["pr"]
    assert second.summary["branch"] == first.summary["branch"]
    notices = [e["post"]["text"] for e in second.of("posted") if e["post"]["kind"] == "notice"]
    assert any("Outside the files that the plan names: `TWO`." in n for n in notices), notices
    third = await stage.cli("run", "--thread", thread, "--merge", "--json")
    assert third.summary["phase"] == "closed", third.stderr
    assert stage.git("show", "main:TWO", where=stage.sample.remote) == "two"
    late = await stage.cli("run", "and a third", "--thread", thread, "--json")
    assert late.code == 0
    assert "This thread is closed" in late.of("posted")[-1]["post"]["text"]


LEAKY = """
[[scripts]]
role = "pm"
[[scripts.steps]]
calls = [{ name = "grep", arguments = { pattern = "sk-canary-0123456789abcdefghij" } }]
[[scripts.steps]]
calls = [{ name = "propose_plan", arguments = { title = "Use sk-canary-0123456789abcdefghij", summary = "x", steps = [{ text = "sk-canary-0123456789abcdefghij" }] } }]
"""


@pytest.mark.parametrize("stage", [LEAKY], indirect=True)
async def test_a_secret_in_a_models_own_calls_reaches_no_log(stage: Stage) -> None:
    done = await stage.cli("run", "hello", "--json")
    assert (done.code, done.summary["outcome"]) == (3, "plan"), done.stderr
    assert "sk-canary" not in str(done.lines)
    for path in (stage.sample.repo / ".codebutler").glob("store.db*"):
        assert b"sk-canary-0123456789abcdefghij" not in path.read_bytes()


ODD_NAME = """
[[scripts]]
role = "coder"
[[scripts.steps]]
calls = [{ name = "bash", arguments = { command = "printf x > \\"$(printf 'n\\\\377ame')\\"" } }]
[[scripts.steps]]
calls = [{ name = "git_commit", arguments = { message = "odd" } }]
[[scripts.steps]]
expect = ["Committed as"]
text = "done"
"""


@pytest.mark.parametrize("stage", [ODD_NAME], indirect=True)
async def test_a_file_name_that_is_no_text_does_not_end_the_thread(stage: Stage) -> None:
    done = await stage.cli("run", "hello", "--role", "coder", "--yes", "--json")
    assert (done.code, done.summary["outcome"]) == (0, "done"), (done.stderr, stage.server.failures)
    assert len(done.of("checkpoint_made")) == 2, "what was saved, and the name over it"
