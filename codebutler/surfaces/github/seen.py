"""Which plan the writer of a comment can have read: a word is heard late, and means what stood there then."""

from __future__ import annotations

from codebutler.forges.github.calls import Calls
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.store.rows import Post
from codebutler.store.store import Store
from codebutler.surfaces.github.inbound import Heard
from codebutler.surfaces.github.people import SURFACE
from codebutler.types import NO_PLAN, Outbound


async def seen_by(calls: Calls, store: Store, thread: str, repo: str, heard: Heard) -> str:
    """The hash of the newest plan that stood there before ``heard`` was written; NO_PLAN when none did.

    A plan that was never meant for GitHub counts as seen: when a chat showed it is not known here.
    """
    plans: dict[str, list[Post]] = {}
    for post in await store.posts(thread):
        if (mark := _plan_in(post)) is not None:
            plans.setdefault(mark, []).append(post)
    for mark in reversed(plans):
        ours = [post for post in plans[mark] if post.surface == SURFACE]
        if not ours:
            return mark
        for post in ours:
            if await _stood_before(calls, repo, post, heard):
                return mark
    return NO_PLAN


def _plan_in(post: Post) -> str | None:
    if '"plan"' not in post.payload:
        return None
    shown = Outbound.model_validate_json(post.payload)
    return str(shown.data.get("hash", "")) if shown.kind == "plan" else None


async def _stood_before(calls: Calls, repo: str, post: Post, heard: Heard) -> bool:
    """By the number of the comment where both are comments of issues: times there are whole seconds."""
    if not post.external_id.isdigit():
        return False
    if heard.kind == "comment":
        return int(post.external_id) < heard.comment
    try:
        row = await calls.get(f"/repos/{repo}/issues/comments/{post.external_id}")
    except GitHubRefused:  # it was deleted: nobody can say that it was read
        return False
    return str(row.get("created_at")) < heard.at
