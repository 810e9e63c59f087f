"""An issue that people close while a thread is on it: the thread says so, once."""

from __future__ import annotations

from codebutler.surfaces.github.hearing import Hearing
from codebutler.surfaces.github.people import SURFACE
from codebutler.thread.warning import plain, told
from codebutler.types import Json

WORDS = (
    "Issue #{number} was closed at GitHub by {login}. What is under way here goes on: say **cancel** if it "
    "is not wanted any more."
)


async def tell_closed(hearing: Hearing, row: Json) -> None:
    """``row`` is a line of the repository's history. What a commit or a merge closed needs no word."""
    issue, login = row.get("issue") or {}, str((row.get("actor") or {}).get("login") or "somebody")
    if row.get("event") != "closed" or row.get("commit_id") or not issue or "pull_request" in issue:
        return
    number, store = int(issue["number"]), hearing.store
    thread = await store.find(SURFACE, f"{hearing.full_name}#{number}")
    found = await store.thread(thread) if thread is not None else None
    if found is None or found.phase == "closed" or login == await hearing.people.us():
        return
    if found.pr.isdigit():
        pull: Json = await hearing.calls.get(f"/repos/{hearing.full_name}/pulls/{found.pr}")
        if pull.get("state") != "open":  # it closed the issue, as it says
            return
    words = WORDS.format(number=number, login=plain(login))
    await store.tell([told(found.id, f"{SURFACE}:issue-closed:{row['id']}", None, words)])
