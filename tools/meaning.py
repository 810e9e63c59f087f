"""Arguments as the tools of other agents name them, taken as ours: models write what they were trained on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

from faults import Fault

_PATH = (
    "file_path", "filePath", "filepath", "filename", "file", "target_file", "absolute_path", "relative_path",
    "notebook_path", "dir_path", "directory", "target_directory", "paths",
)  # fmt: skip
_OLD = ("old_string", "old_str", "old_text", "oldString", "oldText", "search")
_NEW = ("new_string", "new_str", "new_text", "newString", "newText", "replace")
_ALL = ("replaceAll", "allow_multiple")
_NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "read": {"path": _PATH, "offset": ("start_line", "line_start"), "limit": ("max_lines", "num_lines")},
    "write": {"path": _PATH, "content": ("file_text", "contents", "text", "file_content")},
    "edit": {"path": _PATH},
    "edits": {"old": _OLD, "new": _NEW, "replace_all": _ALL},
    "apply_patch": {"input": ("patch", "patchText", "patch_text", "diff")},
    "bash": {
        "command": ("cmd", "script"),
        "background": ("run_in_background", "is_background"),
        "job": ("bash_id", "shell_id", "job_id"),
    },
    "grep": {
        "pattern": ("regex", "query", "regexp"),
        "path": _PATH,
        "glob": ("include", "include_pattern", "file_pattern"),
        "mode": ("output_mode",),
        "type": ("file_type",),
        "ignore_case": ("-i", "case_insensitive", "ignoreCase"),
        "context": ("-C", "context_lines", "-A", "-B"),
        "limit": ("head_limit", "max_results", "max_count"),
    },
    "glob": {"pattern": ("glob_pattern", "glob", "query", "patterns"), "path": _PATH},
}
_REMARKS = frozenset(("description", "explanation", "instruction", "justification", "-n", "line_numbers"))
"""What a call may carry that changes nothing here."""
_EDITOR = ("view", "create", "str_replace")
_MODES = {"files_with_matches": "files", "lines": "content", "counts": "count"}
_ELSEWHERE = ("workdir", "cwd", "working_directory", "directory", "dir_path")


def meant(name: str, given: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """``given`` by the names in ``known``; what is not understood stays, for the check to refuse.

    ``name`` is a tool, or ``edits`` for an item of that list.
    """
    if not given.keys() - known.keys() and name not in _SHAPES:
        return given
    taken = {key: value for key, value in given.items() if key in known or key not in _REMARKS}
    if "command" not in known and taken.get("command") in _EDITOR:
        del taken["command"]
    if name in _SHAPES:
        _SHAPES[name](taken)
    for ours, others in _NAMES.get(name, {}).items():
        for other in others:
            if other in taken and taken.get(ours) is None:
                taken[ours] = taken.pop(other)
    return taken


def _read(taken: dict[str, Any]) -> None:
    """``"10-20"``, ``view_range`` and ``end_line`` are a window too."""
    window = taken.get("view_range") or taken.get("offset")
    if isinstance(window, str) and (both := re.fullmatch(r"\[?\s*(\d+)\s*[-:,]\s*(-?\d+)\s*\]?", window)):
        window = [int(both[1]), int(both[2])]
    if isinstance(window, list) and len(window) == 2:
        taken.pop("view_range", None)
        taken["offset"], taken["end_line"] = window
    first = next((n for key in ("offset", "start_line", "line_start") if (n := _whole(taken.get(key)))), 1)
    for key in ("end_line", "line_end"):
        if (last := _whole(taken.get(key))) is not None:
            del taken[key]
            taken["limit"] = last - first + 1 if last >= first else None
    _unlimited(taken)


def _edit(taken: dict[str, Any]) -> None:
    """One edit without the list around it."""
    names = ("old", *_OLD, "new", *_NEW, "replace_all", *_ALL)
    alone = {key: taken.pop(key) for key in names if key in taken}
    count = _whole(taken.pop("expected_replacements", None))
    alone = {key: value for key, value in alone.items() if value is not None}
    if count is not None and count > 1:
        alone["replace_all"] = True
    texts = alone.keys() - {"replace_all", *_ALL}
    if not taken.get("edits"):
        if not texts:
            raise Fault("edit needs edits: a list of {old, new}")
        if texts.isdisjoint(("old", *_OLD)) or texts.isdisjoint(("new", *_NEW)):
            raise Fault("edit needs both old and new")
        taken["edits"] = [alone]
    elif texts:
        raise Fault("give either edits, or old and new, not both")


def _patch(taken: dict[str, Any]) -> None:
    """``["apply_patch", PATCH]``, as for a shell."""
    words = taken.get("input") or taken.get("command")
    if isinstance(words, list) and words and isinstance(words[-1], str):
        taken.pop("command", None)
        taken["input"] = words[-1]


def _bash(taken: dict[str, Any]) -> None:
    """A list of words, milliseconds, a directory."""
    for key in ("command", "cmd"):
        words = taken.get(key)
        if isinstance(words, list) and words and all(isinstance(word, str) for word in words):
            shell = len(words) == 3 and words[0].endswith("sh") and re.fullmatch(r"-[a-z]*c", words[1])
            taken[key] = words[2] if shell else shlex.join(words)
    milliseconds = _whole(taken.get("timeout_ms"))
    if milliseconds is not None:
        del taken["timeout_ms"]
        taken.setdefault("timeout", milliseconds / 1000)
    for key in _ELSEWHERE:
        if taken.pop(key, None) not in (None, "", "."):
            raise Fault(f"bash has no argument {key!r}: begin the command with cd DIR &&")


def _grep(taken: dict[str, Any]) -> None:
    """Options of the command line, and "" for what is not given."""
    around = [n for key in ("-A", "-B") if (n := _whole(taken.pop(key, None))) is not None]
    if around and taken.get("context") is None:
        taken["context"] = max(around)
    if isinstance(strict := taken.get("case_sensitive"), bool):
        del taken["case_sensitive"]
        taken.setdefault("ignore_case", not strict)
    for key in ("mode", "output_mode"):
        if isinstance(mode := taken.get(key), str):
            taken[key] = _MODES.get(mode, mode)
    for key in ("glob", "include", "include_pattern", "file_pattern"):
        globs = taken.get(key)
        if isinstance(globs, str) and not set("{[!") & set(globs):
            globs = [each.strip() for each in globs.split(",")]
        if isinstance(globs, list) and len(globs) > 1 and all(isinstance(each, str) for each in globs):
            taken[key] = f"{{{','.join(globs)}}}"
    _nonempty(taken)
    for key in ("limit", "head_limit", "max_results", "max_count"):
        _unlimited(taken, key)


def _nonempty(taken: dict[str, Any]) -> None:
    for key in [key for key, value in taken.items() if value == "" and key != "pattern"]:
        del taken[key]


def _unlimited(taken: dict[str, Any], key: str = "limit") -> None:
    """0 and -1: as many as there are."""
    if _whole(taken.get(key)) in (0, -1):
        del taken[key]


def _whole(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,12}", value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_SHAPES: dict[str, Callable[[dict[str, Any]], None]] = {
    "read": _read, "edit": _edit, "apply_patch": _patch, "bash": _bash, "grep": _grep, "glob": _nonempty,
}  # fmt: skip
