"""What CI says of a commit: check runs, statuses, their logs; and one job run again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct

from codebutler.forges.github.calls import Calls
from codebutler.forges.github.logcut import relevant
from codebutler.forges.github.refusals import GitHubRefused
from codebutler.types import Json

Result: TypeAlias = Literal["passed", "failed", "running", "off"]
"""``off``: it says nothing of the commit: cancelled, grown stale, or waiting for somebody's leave."""
ABSENT = (403, 404, 405, 410, 422, 501)
"""A server, a token or a job that does not offer it: then less is known."""
KEPT = 200
"""Answers whose tags are known."""
_PASSED = frozenset({"success", "neutral", "skipped"})
_OFF = frozenset({"cancelled", "stale", "action_required"})
_RUN = re.compile(r"/actions/runs/(\d{1,18})/")
_ACTIONS = "github-actions"


class Check(Struct, frozen=True):
    """One check of one commit. ``job`` is its Actions job, 0 for another CI's; ``run`` the run it belongs to.

    ``mark`` is another one when it has run again; ``words`` is what the check itself says.
    """

    name: str
    result: Result
    job: int = 0
    mark: str = ""
    words: str = ""
    run: int = 0


class Checks:
    """The checks of one repository's commits."""

    def __init__(self, calls: Calls, full_name: str) -> None:
        """``full_name`` is ``owner/name``."""
        self._calls = calls
        self._path = f"/repos/{full_name}"
        self.refused = ""
        """Why checks or statuses could not be read when they were last asked for; "" if they could."""
        self._known: dict[str, tuple[str, list[Json]]] = {}
        """By path: the tag of an answer on one page, and what it held."""

    async def of(self, commit: str) -> list[Check]:
        """The newest result of every check of a commit; none where nothing checks it."""
        self.refused = ""
        runs = await self._list(f"{self._path}/commits/{commit}/check-runs", "check_runs")
        statuses = await self._list(f"{self._path}/commits/{commit}/status", "statuses")
        found = {run["name"]: _of_run(run) for run in sorted(runs, key=lambda run: int(run["id"]))}
        found |= {row["context"]: _of_status(row) for row in statuses}
        return list(found.values())

    async def log(self, check: Check) -> str:
        """What a failed check said, cut to what matters; "" when nothing can be had."""
        if not check.job:
            return relevant(check.words)
        path = f"{self._path}/actions/jobs/{check.job}/logs"
        try:
            text = await self._calls.get(path, accept="application/vnd.github+json")
        except GitHubRefused as error:
            if error.status not in ABSENT:
                raise
            text = ""
        return relevant(str(text)) or relevant(check.words)

    async def rerun(self, checks: Sequence[Check]) -> set[str]:
        """Have failed jobs run once more; the names of those that do. A run that goes on takes no other."""
        again: set[str] = set()
        together = {check.run for check in checks if check.run}
        for run in together:
            theirs = [check for check in checks if check.run == run]
            one = f"actions/jobs/{theirs[0].job}/rerun"
            if await self._goes(f"actions/runs/{run}/rerun-failed-jobs" if theirs[1:] else one):
                again |= {check.name for check in theirs}
        for check in checks:
            if not check.run and await self._goes(f"actions/jobs/{check.job}/rerun"):
                again.add(check.name)
        return again

    async def _goes(self, path: str) -> bool:
        try:
            await self._calls.send("POST", f"{self._path}/{path}")
        except GitHubRefused as error:
            if error.status not in ABSENT:
                raise
            return False
        return True

    async def _list(self, path: str, key: str) -> Sequence[Json]:
        tag, rows = self._known.pop(path, ("", []))
        try:
            got = await self._calls.fresh(path, etag=tag, query={"per_page": 100})
            if not got.same:
                rows = list(got.body[key])
                rows = await self._calls.pages(path, key=key, most=5) if got.next else rows
        except GitHubRefused as error:
            if error.status not in ABSENT:
                raise
            self.refused = error.said if error.status == 403 else self.refused
            return []
        if got.etag and not got.next:
            self._known[path] = (got.etag, rows)
            while len(self._known) > KEPT:
                del self._known[next(iter(self._known))]
        return rows


def _of_run(run: Json) -> Check:
    output = run.get("output") or {}
    words = "\n".join(str(output[key]) for key in ("title", "summary", "text") if output.get(key))
    result: Result = "running"
    if run.get("status") == "completed":
        said = run.get("conclusion")
        result = "passed" if said in _PASSED else "off" if said in _OFF else "failed"
    ours = (run.get("app") or {}).get("slug") == _ACTIONS
    mark = f"{run['id']}:{run.get('completed_at')}:{run.get('run_attempt')}"
    found = _RUN.search(str(run.get("details_url") or ""))
    number = int(found[1]) if found is not None and ours else 0
    return Check(str(run["name"]), result, int(run["id"]) if ours else 0, mark, words, number)


def _of_status(row: Json) -> Check:
    results: dict[str, Result] = {"success": "passed", "pending": "running"}
    result = results.get(str(row["state"]), "failed")
    return Check(str(row["context"]), result, 0, str(row.get("id")), str(row.get("description") or ""))
