"""What the door answers where there is nothing to do, and that words are taken as the page shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.events import PrOpened
from codebutler.testing.github.human import Human
from codebutler.thread.audit import audit
from codebutler.thread.render import pr_ready
from codebutler.thread.state import ThreadState

if TYPE_CHECKING:
    from tests.twins.github.conftest import Desk, Shop


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("@bot help", "- `implement` The work by that plan"),
        ("@bot link codebutler-0123456789abcdef", "That is no code that I gave out"),
        ("@bot link", "`/link NAME` in a chat gives one"),
        ("@bot review, please", "`review` is for pull requests"),
        ("@bot respond", "`respond` is for pull requests"),
        ("@bot merge", "Nothing is under way here."),
        ("please don't @bot merge", 'With "please don\'t" before it I take `merge` for no command'),
        ("Once you are done:\n@bot implement", 'With "Once you are done:" before it'),
    ],
)
async def test_a_word_that_means_nothing_here_opens_no_thread(
    desk: Desk, shop: Shop, text: str, answer: str
) -> None:
    number = shop.ann.opens("A bug")
    shop.ann.says(number, text)
    assert await desk.look() == []
    assert answer in shop.ann.comments(number)[-1]["body"]


async def test_a_review_of_something_is_work_on_an_issue_too(desk: Desk, shop: Shop) -> None:
    number = shop.ann.opens("A bug")
    shop.ann.says(number, "@bot review the login flow")
    [said] = await desk.look()
    assert said.text.endswith("ann adds: the login flow")


async def test_a_title_is_taken_as_the_page_shows_it(desk: Desk, shop: Shop) -> None:
    number = shop.ann.opens("Vec<T> leaks <b>\u200b & more", "Not <!-- this -->so <b>bold</b>")
    shop.ann.says(number, "@bot plan")
    [said] = await desk.look()
    assert said.text.startswith("Vec<T> leaks <b> & more\n\n(issue #1 of acme/shop)\n\nNot so bold")


@pytest.mark.parametrize("text", ["**@bot plan**", "**@bot** plan", "*@bot*: plan", "@bot _plan_"])
async def test_stress_does_not_hide_a_command(desk: Desk, shop: Shop, text: str) -> None:
    number = shop.ann.opens("A bug")
    shop.ann.says(number, text)
    [said] = await desk.look()
    assert said.text == "A bug\n\n(issue #1 of acme/shop)"


async def test_a_command_that_is_said_to_a_thread_is_in_the_audit(desk: Desk, shop: Shop) -> None:
    number = shop.ann.opens("A bug")
    for words in ("@bot plan", "@bot plan with postgres", "@bot how are you?"):
        shop.ann.says(number, words)
        await desk.look()
    assert [(entry.what, entry.result) for entry in await audit(desk.store)] == [
        ("@bot plan with postgres", "said to the thread"),
        ("A bug (issue #1 of acme/shop)", "thread opened"),
    ]


async def test_a_question_is_no_command(desk: Desk, shop: Shop) -> None:
    number = shop.ann.opens("A bug")
    shop.ann.says(number, "@bot plan")
    await desk.look()
    shop.ann.says(number, "@bot merge?")
    assert (await desk.look())[-1].text == "merge?"


async def test_the_pull_requests_link_stands_on_the_issue_beside_a_chat(desk: Desk, shop: Shop) -> None:
    number = shop.ann.opens("A bug")
    shop.ann.says(number, "@bot plan")
    [said] = await desk.look()
    thread = await desk.store.find("github", said.external_id)
    assert thread is not None
    await desk.store.bind(thread, "slack", "C1:1.0")
    state = ThreadState(thread, pr=PrOpened(number=4, url="https://x.org/pull/4", title="Round up"))
    post = pr_ready(state, "Mended.\n\nAll about it, at length.")
    await desk.door.deliver(said.external_id, post, mark="t:pr", replaces="")
    body = shop.ann.comments(number)[-1]["body"]
    assert body.startswith("**Coder:** Mended.\n\nPull request [#4 Round up](https://x.org/pull/4).")
    assert "at length" not in body


async def test_an_issue_that_is_closed_by_hand_is_mentioned_once(desk: Desk, shop: Shop) -> None:
    number, other = shop.ann.opens("A bug"), shop.ann.opens("Another")
    shop.ann.says(number, "@bot plan")
    await desk.look()
    for each in (number, other):
        shop.ann.rewrites(each, state="closed")
    for _ in range(2):
        await desk.look()
    thread = await desk.store.find("github", f"acme/shop#{number}")
    assert thread is not None
    [post] = await desk.store.posts(thread)
    assert "Issue #1 was closed at GitHub by ann." in post.payload


async def test_a_merge_that_closes_the_issue_is_not_mentioned(desk: Desk, shop: Shop) -> None:
    number = shop.ann.opens("A bug")
    shop.ann.says(number, "@bot plan")
    [said] = await desk.look()
    thread = await desk.store.find("github", said.external_id)
    assert thread is not None
    shop.commit("work", "a.txt", "a\n")
    await shop.call("POST", "/pulls", {"title": "Work", "head": "work", "base": "main"})
    await desk.store.append(thread, [], row={"pr": "2"})
    shop.ann.merges(2)
    shop.ann.rewrites(number, state="closed")
    await desk.look()
    assert await desk.store.posts(thread) == []


async def test_the_label_of_our_own_pull_requests_begins_nothing(desk: Desk, shop: Shop) -> None:
    """Who takes one label for both must not have the bot call itself; GitHub's labels know no case."""
    desk.hearing.settings = desk.settings.model_copy(
        update={"trigger_label": "CodeButler", "pr_labels": ["codebutler"]}
    )
    shop.commit("work", "a.txt", "a\n")
    shop.ann.labels(shop.ann.opens("One"), "codebutler")
    await shop.call("POST", "/pulls", {"title": "Work", "head": "work", "base": "main"}, by="ann")
    shop.ann.labels(2, "codebutler")
    assert [said.external_id for said in await desk.look()] == ["acme/shop#1"]


async def test_our_own_account_takes_an_issue_on_without_beginning_work(desk: Desk, shop: Shop) -> None:
    number = shop.ann.opens("A bug")
    Human(shop.project, "butler").assigns(number, "butler")
    assert await desk.look() == []
    assert await desk.store.notes("audit:") == []
    shop.ann.assigns(shop.ann.opens("Another"), "butler")
    assert len(await desk.look()) == 1


async def test_respond_in_the_issue_is_about_the_threads_pull_request(desk: Desk, shop: Shop) -> None:
    shop.commit("work", "a.txt", "a\n")
    number = shop.ann.opens("A bug")
    shop.ann.says(number, "@bot plan")
    [first] = await desk.look()
    thread = await desk.store.find("github", first.external_id)
    assert thread is not None
    await shop.call("POST", "/pulls", {"title": "Work", "head": "work", "base": "main"})
    await desk.store.append(thread, [], row={"pr": "2"})
    shop.ann.remarks(2, "a.txt", 1, "why a?")
    shop.ann.says(number, "@bot respond, and be brief")
    text = (await desk.look())[-1].text
    assert text.startswith("/respond and be brief\n\nThe review of pull request #2:\n- [c")
    assert text.endswith("a.txt:1 (ann): why a?")
