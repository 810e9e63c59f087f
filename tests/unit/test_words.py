"""Plain words act only in the moment that they fit."""

from __future__ import annotations

import pytest

from codebutler import events as ev
from codebutler.commands import words
from codebutler.commands.builtin import REGISTRY
from codebutler.commands.registry import Arguments, Call, Definition, Registry
from codebutler.errors import ConfigError
from codebutler.thread.decisions import Decisions, Word
from codebutler.thread.fold import fold
from codebutler.thread.lastword import last_word, stopped
from codebutler.thread.state import ThreadState
from codebutler.types import MemoryItem, Person, Plan, PlanStep

ANA = Person(surface="terminal", id="ana")
PLAN = Plan(title="t", summary="s", steps=[PlanStep(text="x")])


def with_plan() -> ThreadState:
    return ThreadState("t1", plan=ev.PlanProposed(plan=PLAN, hash="h1", base="b"))


def coding(**more: str) -> ThreadState:
    approved = ev.PlanApproved(message=1, hash="h1", base="b", by=ANA)
    state = ThreadState("t1", phase="coder", plan=with_plan().plan, approval=approved)
    state.pr_state, state.carried_out = more.get("pr_state", ""), more.get("carried_out", "")
    return state


def in_line() -> ThreadState:
    state = coding()
    state.phase = "pm"
    return state


def shipped() -> ThreadState:
    state = coding(carried_out="h1")
    state.phase, state.pr_state = "lead", "closed"
    return state


def with_pr() -> ThreadState:
    return ThreadState("t1", pr=ev.PrOpened(number=1, url="u", title="t"), pr_state="open")


def stopped_with_pr() -> ThreadState:
    state = with_pr()
    state.halted, state.cancelled_at, state.called_off = "cancelled", 7, True
    return state


def talked_over() -> ThreadState:
    state = stopped_with_pr()
    state.halted, state.cancelled_at, state.outcome = "", 0, "answered"
    return state


def with_memory() -> ThreadState:
    state = with_pr()
    state.memory = [MemoryItem(file="pm.md", text="a"), MemoryItem(file="pm.md", text="b")]
    return state


def set_aside() -> ThreadState:
    state = with_pr()
    state.set_aside = [MemoryItem(file="pm.md", text="a")]
    return state


def committed(phase: ev.Phase = "lead") -> ThreadState:
    state = with_pr()
    state.phase = phase
    state.kept = [ev.MemoryDecided(message=0, kept=[MemoryItem(file="pm.md", text="a")], by=ANA)]
    return state


def closed() -> ThreadState:
    return ThreadState("t1", phase="closed")


def with_question() -> ThreadState:
    state = with_plan()
    state.question = ev.QuestionAsked(frame="pm", call_id="c", question="which?")
    return state


def halted() -> ThreadState:
    return ThreadState("t1", halted="failed")


def paused() -> ThreadState:
    state = with_question()
    state.halted, state.paused_at = "paused", 7
    return state


@pytest.mark.parametrize(
    ("state", "text", "command"),
    [
        (with_plan(), "go", ("approve", "h1")),
        (with_plan(), "  LGTM! ", ("approve", "h1")),
        (with_plan(), "dale", ("approve", "h1")),
        (with_plan(), "OK, go!", ("approve", "h1")),
        (with_plan(), "Go for it", ("approve", "h1")),
        (with_plan(), "Yes please.", ("approve", "h1")),
        (with_plan(), "go and also rename it", None),
        (with_plan(), "yes, but use decimals", None),
        (with_plan(), "cancel", ("cancel", "")),
        (coding(), "please stop", ("cancel", "")),
        (coding(), "Cancel pls!", ("cancel", "")),
        (coding(), "Please, stop that, please.", ("cancel", "")),
        (coding(), "please stop logging the weight", None),
        (with_plan(), "Please go :pray:", ("approve", "h1")),
        (with_pr(), "merge pls", ("merge", "")),
        (with_plan(), "merge", None),
        (with_question(), "yes", None),
        (with_question(), "cancel", ("cancel", "")),
        (halted(), "go", ("retry", "")),
        (halted(), "raise 2.5", ("raise", "2.5")),
        (halted(), "raise", ("raise", "1")),
        (halted(), "raise 0,5", ("raise", "0,5")),
        (with_plan(), "raise 2,50", ("raise", "2,50")),
        (ThreadState("t1"), "Raise by $2.", ("raise", "2")),
        (with_plan(), "raise", None),
        (with_plan(), "raise 1e3", None),
        (with_question(), "raise 2", None),
        (halted(), "raise by $2", ("raise", "2")),
        (halted(), "raise 0", ("raise", "0")),
        (halted(), "raise the bar", None),
        (with_plan(), "pause", ("pause", "")),
        (with_question(), "hold on", ("pause", "")),
        (paused(), "go", ("retry", "")),
        (paused(), "resume", ("retry", "")),
        (paused(), "cancel", ("cancel", "")),
        (paused(), "national", None),
        (halted(), "model kimi", ("model", "kimi")),
        (with_plan(), "Status?", None),
        (with_plan(), "status.", ("status", "")),
        (halted(), "cost", ("usage", "")),
        (with_plan(), "*go*", ("approve", "h1")),
        (with_plan(), "“Go”.", ("approve", "h1")),
        (with_plan(), "`go`", ("approve", "h1")),
        (with_plan(), ":+1::skin-tone-3:", ("approve", "h1")),
        (with_plan(), "👍🏽", ("approve", "h1")),
        (with_plan(), "LGTM! :rocket:", ("approve", "h1")),
        (with_plan(), ":tada: go :slightly_smiling_face:", ("approve", "h1")),
        (with_plan(), "go :thinking_face:", None),
        (with_plan(), "go :-1:", None),
        (with_plan(), ":tada:", None),
        (with_plan(), ":x:", ("cancel", "")),
        (with_pr(), ":rocket:", ("merge", "")),
        (with_memory(), ":-1:", ("memory", "no")),
        (with_memory(), "**yes**", ("memory", "yes")),
        (with_memory(), "keep 1, drop the rest", ("memory", "?")),
        (with_memory(), "help", ("help", "")),
        (with_question(), "help", None),
        (with_memory(), "yes", ("memory", "yes")),
        (with_memory(), "no", ("memory", "no")),
        (with_memory(), "Yes, please!", ("memory", "yes")),
        (with_memory(), "No, thanks.", ("memory", "no")),
        (with_memory(), "remove all", ("memory", "no")),
        (with_memory(), "remove 2", ("memory", "remove 2")),
        (with_memory(), "add: use tabs", ("memory", "add: use tabs")),
        (with_memory(), "add: ", ("memory", "add:")),
        (with_memory(), "edit 2", ("memory", "edit 2")),
        (with_memory(), "keep 1, 2 and 3.", ("memory", "keep 1, 2 and 3.")),
        (with_memory(), "add a test for zero", None),
        (with_memory(), "keep the old name", None),
        (with_memory(), "edit the second line", None),
        (with_memory(), "memory revert ab12cd", ("memory", "revert ab12cd")),
        (with_memory(), "merge", ("merge", "")),
        (set_aside(), "keep 1", ("memory", "keep 1")),
        (set_aside(), "yes", None),
        (committed(), "remove 1", ("memory", "remove 1")),
        (committed(), "edit 1: b", ("memory", "edit 1: b")),
        (committed(), "add: a test", None),
        (committed(), "add to pm.md: Ask Kim", ("memory", "add to pm.md: Ask Kim")),
        (committed(), "add to lead: Look", ("memory", "add to lead: Look")),
        (closed(), "add to pm: Look", ("memory", "add to pm: Look")),
        (coding(), "add to pm.md: Ask Kim", None),
        (with_memory(), "keep 1 but in lead.md", ("memory", "?")),
        (with_memory(), "keep 7 but in lead.md", None),
        (committed("pm"), "remove 1", None),
        (closed(), "The PM was wrong about the limit: it is 20 kg", ("correct", "PM the limit: it is 20 kg")),
        (closed(), "pm was wrong: use spaces", ("correct", "pm use spaces")),
        (with_plan(), "the PM was wrong about the limit: it is 20 kg", None),
        (closed(), "Reopen, and add a test", ("reopen", "add a test")),
        (closed(), "reopen: the last line is wrong", ("reopen", "the last line is wrong")),
        (closed(), "please reopen this.", ("reopen", "")),
        (closed(), "reopen the pool after a timeout", None),
        (with_pr(), "reopen, and add a test", None),
        (with_pr(), "please merge it", ("merge", "")),
        (with_pr(), "ok, merge", ("merge", "")),
        (with_pr(), "yes, and merge the two files", None),
        (with_memory(), "yes, and merge it", ("memory", "?")),
        (with_memory(), "only 1", ("memory", "?")),
        (stopped_with_pr(), "ok, merge", ("merge", "")),
        (with_pr(), "done", ("merge", "")),
        (with_pr(), "Merge please!", ("merge", "")),
        (with_pr(), "yes, merge it", ("merge", "")),
        (with_pr(), "please merge the two files", None),
        (stopped_with_pr(), "close", ("cancel", "")),
        (talked_over(), "close", ("cancel", "")),
        (talked_over(), "done", ("cancel", "")),
        (talked_over(), "merge", ("merge", "")),
        (stopped_with_pr(), "Done.", ("cancel", "")),
        (stopped_with_pr(), "ship it", ("cancel", "")),
        (stopped_with_pr(), "merge it", ("merge", "")),
        (stopped_with_pr(), "go", ("retry", "")),
        (coding(), "Merge!", ("merge", "")),
        (in_line(), "land it", ("merge", "")),
        (coding(), "done", None),
        (coding(), "merge the two files", None),
        (shipped(), "merge", ("merge", "")),
        (shipped(), "done", None),
        (with_pr(), "remove 2", None),
        (ThreadState("t1"), "go", None),
    ],
)
def test_words_by_moment(state: ThreadState, text: str, command: tuple[str, str] | None) -> None:
    assert words.read(state, text) == command


def test_a_stopped_thread_says_that_its_pull_request_stays_open() -> None:
    state = stopped_with_pr()
    said = last_word(state, "cancelled", "by ana")
    assert said is not None
    assert "#1 stays open" in said.text
    assert "#1 stays open" in stopped(state)
    state.pr_state = "closed"
    assert "stays open" not in stopped(state)


def message(text: str = "", action: str = "", value: str = "") -> ev.MessageReceived:
    return ev.MessageReceived(
        surface="terminal", external_id="x", author=ANA, text=text, action=action, value=value
    )


def test_a_button_a_slash_and_a_word_are_the_same_command() -> None:
    state = with_plan()
    calls = [
        REGISTRY.read(state, m)
        for m in (message(action="approve", value="h1"), message("/approve h1"), message("go"))
    ]
    assert [(c.name, c.values) for c in calls if isinstance(c, Call)] == [("approve", {"plan": "h1"})] * 3


def test_an_unknown_slash_command_is_answered_not_sent_to_a_model() -> None:
    call = REGISTRY.read(ThreadState("t1"), message("/frobnicate now"))
    assert isinstance(call, Call)
    assert "no command /frobnicate" in call.problem


def test_an_answer_button_is_not_a_command() -> None:
    assert REGISTRY.read(with_question(), message(action="answer", value="yes")) is None


@pytest.mark.parametrize(
    ("said", "by", "meant"),
    [
        ("yes", "eve", ("memory", "yes")),
        ("keep 2", "eve", ("memory", "keep 2")),
        ("**No**", "eve", ("memory", "**No**")),
        ("and the tests?", "eve", None),
        ("yes", "ana", None),
    ],
)
def test_a_word_about_a_list_that_somebody_else_decided_on_meanwhile_is_no_talk(
    said: str, by: str, meant: tuple[str, str] | None
) -> None:
    eve = Person(surface="terminal", id=by)
    late = ev.MessageReceived(surface="terminal", external_id="c", key="k", author=eve, text=said)
    items = [MemoryItem(file="pm.md", text=t) for t in ("a", "b")]
    decided = ev.MemoryDecided(message=1, kept=[], by=ANA, dropped=items)
    log: list[ev.Event] = [ev.MemoryProposed(items=items), late, decided]
    state = fold("t", [(n, float(n), event) for n, event in enumerate(log, 1)])
    assert words.late(state, state.unread[2]) == meant
    earlier = fold("t", [(n, float(n), event) for n, event in enumerate([log[0], decided, late], 1)])
    assert words.late(earlier, earlier.unread[3]) is None, "said after the decision"


def test_two_commands_of_one_name_do_not_start() -> None:
    async def run(_args: Arguments, _decide: Decisions, _word: Word) -> str:
        return ""

    one = Definition("plan", "a", Arguments, run)
    two = Definition("other", "b", Arguments, run, aliases=("plan",))
    with pytest.raises(ConfigError, match="two commands are called 'plan'"):
        Registry([one, two])


def test_every_command_has_help_and_a_usage_line() -> None:
    page = REGISTRY.help()
    for definition in REGISTRY.definitions:
        assert f"/{definition.name}" in page
        assert definition.help
