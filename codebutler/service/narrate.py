"""What happens in threads, as lines of the service's log: who did what, in a few words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from codebutler import logs
from codebutler.logs import Tag
from codebutler.store.rows import StoredEvent

WIDTH = 160
"""Characters of what people and models write that a line shows."""
BY_ROLE: Mapping[str, Tag] = {"pm": "PM", "researcher": "RSH", "coder": "CLD", "lead": "LED", "artist": "IMG"}
Body: TypeAlias = Mapping[str, Any]
Words: TypeAlias = Callable[[Body], str]


def narrator(repo: str) -> Callable[[Sequence[StoredEvent]], None]:
    """A store's witness (Store.witness) that writes lines for the log of ``repo``."""

    def tell(events: Sequence[StoredEvent]) -> None:
        for event in events:
            if event.kind in _LINES:
                tag, role, words = _line(event)
                logs.say(tag, words, thread=event.thread, role=role, repo=repo)

    return tell


def _line(event: StoredEvent) -> tuple[Tag, str, str]:
    """Tag, role and words of an event whose kind has a line."""
    tag, words = _LINES[event.kind]
    body = json.loads(event.body)
    role = (
        body.get("role")
        or (body.get("post") or {}).get("role")
        or str(body.get("frame", "")).partition("-")[0]
    )
    return tag or BY_ROLE.get(role, "INF"), role, words(body)


def _short(text: object) -> str:
    line = " ".join(str(text or "").split())
    return line if len(line) <= WIDTH else f"{line[:WIDTH]}…"


def _who(person: Body | None) -> str:
    return str((person or {}).get("name") or (person or {}).get("id") or "somebody")


def _message(body: Body) -> str:
    done = f"presses {body['action']}" if body.get("action") else ""
    files = f"({len(body['attachments'])} files)" if body.get("attachments") else ""
    said = f"{_who(body.get('author'))}: {_short(body.get('text'))}" if body.get("text") else ""
    return " ".join(part for part in (said or _who(body.get("author")), done, files) if part)


def _reply(body: Body) -> str:
    calls = ", ".join(str(call.get("name")) for call in body.get("tool_calls") or [])
    said = _short(body.get("content"))
    what = "; ".join(part for part in (said, f"calls {calls}" if calls else "") if part) or "says nothing"
    return f"{what} ({body.get('model')}, ${body.get('usd', 0):.4f})"


def _plan(body: Body) -> str:
    plan = body.get("plan") or {}
    return f"proposes {_short(plan.get('title'))!r}: {len(plan.get('steps') or [])} steps"


def _count(name: str, words: str) -> Words:
    return lambda body: words.format(len(body.get(name) or []))


def _fields(words: str) -> Words:
    """Words with the body's fields in them; ``{by}`` is a person."""

    def fill(body: Body) -> str:
        known = {k: _who(v) if k == "by" else _short(v) for k, v in body.items()}
        return words.format_map(_Known(known))

    return fill


class _Known(dict[str, str]):
    """Old events lack what newer ones have."""

    def __missing__(self, key: str) -> str:
        return ""


_LINES: Mapping[str, tuple[Tag | None, Words]] = {  # a tag of None goes by the role
    "thread_opened": ("INF", _fields("opened: {title}")),
    "message_received": ("MSG", _message),
    "message_edited": ("MSG", _fields("{by} changes a message: {text}")),
    "message_deleted": ("MSG", _fields("{by} deletes a message")),
    "command_handled": ("MSG", _fields("{by}: /{name}")),
    "plan_approved": ("MSG", _fields("{by} approves the plan")),
    "merge_requested": ("MSG", _fields("{by} wants it merged")),
    "cancelled": ("MSG", _fields("{by} cancels")),
    "paused": ("MSG", _fields("{by} pauses")),
    "rewound": ("MSG", _fields("{by} rewinds to {to}")),
    "frame_started": (None, _fields("begins")),
    "frame_ended": (None, _fields("ends: {outcome}")),
    "model_replied": (None, _reply),
    "model_failed": ("WRN", _fields("{model} failed: {error}")),
    "circuit_changed": ("WRN", _fields("{model} is {state}: {why}")),
    "stood_in": ("WRN", _fields("{model} stands in for {wanted}: {why}")),
    "limit_hit": ("WRN", _fields("limit: {what}")),
    "plan_proposed": ("PM", _plan),
    "plan_dropped": ("INF", _fields("the plan no longer holds: {why}")),
    "question_asked": (None, _fields("asks: {question}")),
    "escalation_asked": (None, _fields("asks the PM: {question}")),
    "escalation_answered": ("PM", _fields("answers: {text}")),
    "research_started": ("RSH", _fields("looks for: {topic}")),
    "research_finished": ("RSH", _fields("is done: {outcome}")),
    "image_ordered": ("IMG", _fields("orders a picture of {model}")),
    "image_made": ("IMG", _fields("made {path} ({width}x{height})")),
    "transcribed": ("MSG", _fields("{by} said: {text}{error}")),
    "phase_changed": ("INF", _fields("phase {phase} {why}")),
    "worktree_ready": ("INF", _fields("worktree {path} on {branch}")),
    "setup_finished": ("INF", _count("parts", "dependencies: {} recipes done")),
    "checkpoint_made": ("CLD", _count("files", "checkpoint: {} files")),
    "pushed": ("CLD", _fields("pushed {branch}")),
    "pr_opened": ("CLD", _fields("opened pull request {number}: {title}")),
    "pr_merged": ("INF", _fields("pull request {number} merged by {by}")),
    "merge_refused": ("WRN", _fields("the merge is refused: {error}")),
    "memory_proposed": ("MEM", _count("items", "{} items proposed")),
    "memory_decided": ("MEM", _count("kept", "{} items kept")),
    "memory_committed": ("MEM", _count("files", "committed to {} files")),
    "journal_committed": ("MEM", _fields("journal {path}")),
    "posted": ("RSP", lambda body: _short((body.get("post") or {}).get("text"))),
    "turn_ended": ("INF", _fields("at rest: {outcome}")),
    "worktree_removed": ("INF", _fields("worktree removed {kept}")),
}
