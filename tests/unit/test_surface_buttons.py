"""What becomes of buttons when words have decided: also of those that an earlier process has sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebutler import events as ev
from codebutler.store.rows import NewEvent, NewPost
from codebutler.store.store import Store
from codebutler.surfaces.buttons import Buttons, Ending, ending
from codebutler.thread.state import ThreadState
from codebutler.types import Choice, Outbound, Person, Plan

ROBIN = Person(surface="web", id="robin")
PLAN = ev.PlanProposed(plan=Plan(title="t", summary="s", steps=[]), hash="h", base="b")
MERGE = ev.MergeRequested(message=1, by=ROBIN)
APPROVED = ev.PlanApproved(message=1, hash="h", base="b", by=ROBIN)
OFFERED = Outbound(
    text="Plan", kind="plan",
    choices=[Choice(action="approve", label="Approve", value="h"), Choice(action="cancel", label="Cancel")],
)  # fmt: skip


async def log(store: Store, name: str, *events: ev.Event, posts: tuple[NewPost, ...] = ()) -> None:
    rows = [NewEvent(e.kind, f"{name}{n}", ev.dump(e)) for n, e in enumerate(events)]
    await store.append("T", rows, posts=posts)


async def test_buttons_of_an_earlier_process_go_once(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "store.db")
    gone: list[tuple[str, str, Ending]] = []

    async def replace(conversation: str, shown: str, end: Ending) -> None:
        gone.append((conversation, shown, end))

    try:
        await store.open_thread("T", title="", owner="", bindings=[("web", "c")], events=[])
        await log(store, "a", PLAN, posts=(NewPost("plan", "web", "c", OFFERED.model_dump_json()),))
        [post] = await store.pending_posts("web", limit=9)
        await store.post_sent(post.id, "m1")
        buttons = Buttons(store, "web", replace)
        await buttons.tidy("c")
        assert gone == []
        await log(store, "b", APPROVED)
        await buttons.tidy("c")
        await buttons.tidy("c")
        assert gone == [("c", "m1", Ending("Approved", ROBIN))]
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("state", "action", "value", "said"),
    [
        (ThreadState(id="T", plan=PLAN), "approve", "h", None),
        (ThreadState(id="T", approval=APPROVED), "approve", "h", Ending("Approved", ROBIN)),
        (ThreadState(id="T", approval=APPROVED), "approve", "older", "no longer waiting"),
        (ThreadState(id="T"), "raise", "1", "not stand at that cap"),
        (ThreadState(id="T"), "answer", "yes", "has been answered"),
        (ThreadState(id="T"), "merge", "7", "no such open pull request"),
        (ThreadState(id="T", merge=MERGE), "merge", "7", Ending("Merge", ROBIN)),
        (ThreadState(id="T"), "retry", "", None),
    ],
)  # fmt: skip
def test_what_became_of_them(state: ThreadState, action: str, value: str, said: Ending | str | None) -> None:
    end = ending(state, Outbound(text="?", choices=[Choice(action=action, label="x", value=value)]), "T:m")
    if isinstance(said, str):
        assert end is not None
        assert end.by is None
        assert said in end.words
    else:
        assert end == said
