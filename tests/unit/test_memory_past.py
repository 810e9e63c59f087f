"""What comes back when a learned item is taken back: what went for it, and nothing that went before."""

from __future__ import annotations

import pytest

from codebutler.repo.memory import apply_item, revert
from codebutler.repo.memory_items import learned
from codebutler.repo.memory_past import gone_for
from codebutler.types import MemoryItem
from tests.unit.conftest import GitBox

PATH = ".codebutler/memory/pm.md"
OLD = "The suite runs with make test"


def put(text: str, item: MemoryItem, thread: str) -> str:
    return apply_item(text, item, thread=thread, date="2026-11-21", approver="ana")


def first() -> str:
    return put("# PM\n\n- By hand\n", MemoryItem(file="pm.md", text="The suite runs with `make test`"), "t1")


async def test_what_an_item_replaced_comes_back_as_it_stood_with_its_provenance(git_box: GitBox) -> None:
    git_box.commit({PATH: first()})
    new = MemoryItem(file="pm.md", text="The suite runs with `make check`", replaces=[OLD])
    text = put(first(), new, "t2")
    git_box.commit({PATH: text})
    tip = git_box.commit({PATH: f"{text}- More by hand\n"})
    [_, one] = [*learned(first(), "pm.md"), *learned(text, "pm.md")]
    old = await gone_for(git_box.gitdir, tip, PATH, one, [OLD])
    assert revert(text, "pm.md", one.id, old)[0] == first()


@pytest.mark.parametrize("is_known", [True, False])
async def test_what_a_person_took_out_before_stays_out(git_box: GitBox, *, is_known: bool) -> None:
    start = "# PM\n\n- By hand\n"
    git_box.commit({PATH: first()})
    git_box.commit({PATH: start})
    text = put(start, MemoryItem(file="pm.md", text="The suite runs with `make check`"), "t2")
    tip = git_box.commit({PATH: text}) if is_known else ""
    [one] = learned(text, "pm.md")
    assert await gone_for(git_box.gitdir, tip, PATH, one, [OLD]) == ([] if is_known else [OLD])
