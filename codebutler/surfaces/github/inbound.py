"""What a delivery's payload or a polled row means. Pure: nothing is asked and nothing is done here."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from codebutler.types import Json

Kind: TypeAlias = Literal["comment", "review", "line", "opened", "assigned", "labeled"]


class Heard(Struct, frozen=True):
    """One thing that happened. ``key`` is the same from a delivery and a look; ``at`` as GitHub writes it.

    ``title`` and ``body`` are the issue's as the delivery has them; None where it has to be asked.
    ``where`` is the place of a comment on a line; ``subject`` who was assigned, or the label.
    """

    kind: Kind
    key: str
    number: int
    pull: bool
    login: str
    at: str
    text: str = ""
    bot: bool = False
    comment: int = 0
    title: str | None = None
    body: str | None = None
    where: str = ""
    subject: str = ""


def of_delivery(event: str, payload: Json) -> Heard | None:
    """The delivery of an event; None for one that asks nothing of us."""
    action = payload.get("action")
    if event == "issue_comment" and action == "created":
        issue = payload["issue"]
        row = of_comment(payload["comment"], pull="pull_request" in issue)
        return None if row is None else _with_issue(row, issue)
    if event == "pull_request_review_comment" and action == "created":
        row = of_line(payload["comment"])
        return None if row is None else _with_issue(row, payload["pull_request"])
    if event == "pull_request_review" and action == "submitted":
        row = of_review(payload["review"], int(payload["pull_request"]["number"]))
        return None if row is None else _with_issue(row, payload["pull_request"])
    if event in ("issues", "pull_request") and action == "opened":
        return of_issue(payload["issue" if event == "issues" else "pull_request"], pull=event != "issues")
    return None


def _with_issue(row: Heard, issue: Json) -> Heard:
    from msgspec.structs import replace

    return replace(row, title=str(issue.get("title") or ""), body=str(issue.get("body") or ""))


def of_comment(row: Json, *, pull: bool | None = None) -> Heard | None:
    """A comment on an issue or pull request."""
    number = int(str(row["issue_url"]).rstrip("/").rpartition("/")[2])
    on_pull = "/pull/" in str(row.get("html_url", "")) if pull is None else pull
    return _said("comment", row, number=number, pull=on_pull, at=row["created_at"])


def of_line(row: Json) -> Heard | None:
    """A comment on a line of a pull request."""
    number = int(str(row["pull_request_url"]).rstrip("/").rpartition("/")[2])
    line = row.get("line") or row.get("original_line")
    place = f"{row.get('path')}:{line}" if line else str(row.get("path") or "")
    hunk = "\n".join(str(row.get("diff_hunk") or "").splitlines()[-12:])
    return _said(
        "line", row, number=number, pull=True, at=row["created_at"], where=f"{place}\n{hunk}".strip()
    )


def of_review(row: Json, number: int) -> Heard | None:
    """What a review says as a whole."""
    return _said("review", row, number=number, pull=True, at=str(row.get("submitted_at") or ""))


def of_issue(row: Json, *, pull: bool) -> Heard | None:
    """The text of a new issue or pull request."""
    said = _said("opened", row, number=int(row["number"]), pull=pull, at=row["created_at"])
    return None if said is None else _with_issue(said, row)


def of_event(row: Json) -> Heard | None:
    """A line of the repository's history: somebody was assigned, or a label was put on."""
    issue, actor, event = row.get("issue") or {}, row.get("actor") or {}, row.get("event")
    subject = {"assigned": row.get("assignee") or {}, "labeled": row.get("label") or {}}.get(str(event))
    if subject is None or not issue or not actor:
        return None
    return Heard(
        "assigned" if event == "assigned" else "labeled", f"event:{row['id']}", int(issue["number"]),
        pull="pull_request" in issue, login=str(actor.get("login")), at=str(row["created_at"]),
        bot=actor.get("type") == "Bot", subject=str(subject.get("login") or subject.get("name") or ""),
    )  # fmt: skip


def _said(kind: Kind, row: Json, *, number: int, pull: bool, at: str, where: str = "") -> Heard | None:
    user = row.get("user") or {}
    if not user.get("login"):  # an account that is gone
        return None
    return Heard(
        kind, f"{kind}:{row['id']}", number, pull=pull, login=str(user["login"]), at=str(at),
        text=str(row.get("body") or ""), bot=user.get("type") == "Bot",
        comment=int(row["id"]) if kind in ("comment", "line") else 0, where=where,
    )  # fmt: skip
