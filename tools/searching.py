"""The grep and glob tools, over ripgrep."""

from __future__ import annotations

import os
import re
import stat as modes
from collections.abc import Callable
from typing import Any

import limits
from children import Captured
from faults import Fault
from globs import matcher
from paths import absent, locate
from workspace import Workspace

_WALK = ("--no-config", "--hidden", "--no-require-git", "--no-ignore-global", "--glob=!.git", "--color=never")
_NUMBER = re.compile(rb"([0-9]+)(?:-|:([0-9]+):)")
"""Before a line of context: its number; before a match: its number and the column."""
_BARE = b"\0"
"""Marks a line that ripgrep printed without a name and number before it."""
_TYPES = {
    "javascript": "js", "jsx": "js", "typescript": "ts", "tsx": "ts", "python": "py", "golang": "go",
    "c++": "cpp", "c#": "csharp", "shell": "sh", "bash": "sh", "yml": "yaml", "rs": "rust", "rb": "ruby",
    "kt": "kotlin",
}  # fmt: skip
"""What models call some of ripgrep's types."""
_ARGUMENTS = 512 * 1024
"""Most bytes of file names on one command line."""


def _rg(space: Workspace, *arguments: str, limit: int = limits.NAMES_RAW) -> Captured:
    """Run ripgrep. ``cut`` in the result: it was stopped at ``limit`` bytes, and shows what it had."""
    result = space.children.capture(
        [space.config.rg, *_WALK, *arguments], limit=limit, timeout=limits.SEARCH_TIMEOUT
    )
    # 2 with output: a file could not be read, the rest is true.
    useful = result.out if result.cut or result.code == 2 else result.code in (0, 1)
    if not useful:
        message = result.err.decode("utf-8", "replace").strip().replace("rg: ", "")
        raise Fault(limits.clip(message, 12, 1500) + _advice(message) or "the search was stopped: narrow it")
    return result


def _advice(message: str) -> str:
    if "look-around" in message or "backreferences" in message:
        return "\nSearch for less and look at what comes, or use grep -P in bash."
    if "regex parse error" in message:
        return "\nTo find such a character as it stands, put \\ before it."
    return ""


def _below(space: Workspace, pattern: str, path: str) -> str:
    """The pattern, relative to the root if it is an absolute one inside it."""
    return pattern.removeprefix(space.root.rstrip("/") + "/") if path == "." else pattern


def _start(space: Workspace, path: str, *, folder: bool) -> str:
    """The real path to begin at, relative to the root, after checking that it lies inside."""
    with locate(space, path) as place:
        if place.stat is None:
            raise absent(space, place, path)
        if folder and not modes.S_ISDIR(place.stat.st_mode):
            raise Fault(f"{path} is not a folder")
        return place.rel


def glob(space: Workspace, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Paths that match, newest first."""
    path = arguments.get("path", ".")
    pattern = _below(space, arguments["pattern"], path)
    match = matcher(pattern)
    start = _start(space, path, folder=True)
    names = _newest(_files(space, start, match))
    none = "no file matches; ignored ones are left out"
    if not names and os.path.isdir(os.path.join(space.root, start, pattern)):
        none = f"{pattern} is a folder: {pattern.rstrip('/')}/** lists its files, ignored ones left out"
    return _file_list(names, none), {"files": len(names)}


def _files(space: Workspace, start: str, match: Callable[[str], object], *kind: str) -> list[str]:
    """Files below ``start`` that match and are not ignored, as paths relative to the root."""
    raw = _rg(space, *kind, "--files", "--null", "--", start).out.split(b"\0")
    prefix = "" if start == "." else start + "/"
    names = [os.fsdecode(name).removeprefix("./") for name in raw if name]
    return [name for name in names if match(name.removeprefix(prefix))]


def _newest(names: list[str]) -> list[str]:
    """Sorted by modification time, newest first, then by name. A file that has gone sorts last."""

    def age(name: str) -> tuple[float, str]:
        try:
            return -os.lstat(name).st_mtime, name
        except OSError:
            return 0.0, name

    return sorted(names, key=age)


def _file_list(names: list[str], none: str) -> str:
    shown = [os.fsencode(name).decode("utf-8", "replace") for name in names[: limits.SEARCH_FILES]]
    if len(names) > len(shown):
        shown.append(f"[… {len(names) - len(shown)} more files]")
    return "\n".join(shown) or none


def grep(space: Workspace, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Matching lines, files with matches, or matches per file: what was changed last comes first."""
    mode = arguments.get("mode", "content")
    start = _start(space, arguments.get("path", "."), folder=False)
    context = min(arguments.get("context", 0), limits.SEARCH_CONTEXT)
    shape = {
        "content": ("--line-number", "--column", "--no-heading", "--with-filename", "--null",
                    f"--max-columns={limits.SEARCH_COLUMNS}", "--max-columns-preview",
                    f"--context={context}"),
        "files": ("--files-with-matches", "--null"),
        "count": ("--count-matches", "--with-filename", "--null"),
    }[mode]  # fmt: skip
    wanted, only = arguments["pattern"], arguments.get("glob")
    if "\0" in wanted:
        raise Fault("the pattern holds a NUL character")
    lines = ("--multiline",) if "\n" in wanted or "\\n" in wanted else ()
    pattern = (*lines, "--regexp=" + wanted)
    kind = _kind(arguments)
    only = None if only is None else _below(space, only, arguments.get("path", "."))
    narrow, starts = _narrowed(space, start, only, kind)
    if not starts:
        return "no match: no file fits the glob", {"lines": 0}
    limit = limits.SEARCH_RAW if mode == "content" else limits.NAMES_RAW
    found = [_rg(space, *shape, *kind, *narrow, *pattern, "--", *some, limit=limit) for some in starts]
    out = b"".join(each.out for each in found)
    if mode == "files":
        names = _newest([os.fsdecode(name).removeprefix("./") for name in out.split(b"\0") if name])
        return _file_list(names, "no match"), {"files": len(names)}
    if mode == "count":
        return _counts(out)
    return _lines(*_by_file(out, context), stopped=any(each.cut for each in found))


def _kind(arguments: dict[str, Any]) -> tuple[str, ...]:
    """Ripgrep's option for a file type. Its own names only: no option can be smuggled in."""
    kind = arguments.get("type", "").lower()
    kind = _TYPES.get(kind, kind)
    if kind and not re.fullmatch(r"[a-z0-9_+-]{1,30}", kind):
        raise Fault(f"no such file type: {limits.cut_line(kind, 60)}. Use names like py, js, rust, or glob")
    return (f"--type={kind}",) if kind else ()


def _by_file(out: bytes, context: int) -> tuple[list[str], int]:
    """``name:line:text`` and, around it, ``name-line-text``; newest file first, ``--`` between pieces.

    The second value counts all lines; only those that can be shown are made into text.
    """
    groups: dict[bytes, list[bytes]] = {}
    current: list[bytes] = []
    for line in out.splitlines():
        name, separator, rest = line.partition(b"\0")
        if separator:
            current = groups.setdefault(name, [])
        current.append(rest if separator else _BARE + line)
    names = {os.fsdecode(name): name for name in groups}
    lines: list[str] = []
    total = 0
    for path in _newest(list(names)):
        group = groups[names[path]]
        while group[-1] == _BARE + b"--":  # ripgrep's own, towards whichever file it printed next
            group.pop()
        if context and total:
            group.insert(0, _BARE + b"--")
        total += len(group)
        shown = names[path].decode("utf-8", "replace").removeprefix("./")
        lines += [_line(shown, rest) for rest in group[: max(0, limits.SEARCH_LINES - len(lines))]]
    return lines, total


def _line(path: str, rest: bytes) -> str:
    """One line of the result; of a long one, the part in which the match is."""
    match = _NUMBER.match(rest)
    if match is None:
        return rest.removeprefix(_BARE).decode("utf-8", "replace")
    text = rest[match.end() :]
    number, column = match[1].decode(), int(match[2] or 0)
    if column > limits.SEARCH_LINE_CHARS // 2 and len(text) > limits.SEARCH_LINE_CHARS:
        text = "… ".encode() + text[column - 1 - limits.SEARCH_LINE_CHARS // 4 :]
    mark = ":" if column else "-"
    return f"{path}{mark}{number}{mark}{text.decode('utf-8', 'replace')}"


def _narrowed(
    space: Workspace, start: str, glob_pattern: str | None, kind: tuple[str, ...]
) -> tuple[tuple[str, ...], list[list[str]]]:
    """Options and lists of paths for ripgrep. Its own --glob would bring ignored files back, so
    a plain name pattern becomes a file type, and any other one a list of files."""
    if glob_pattern is None:
        return (), [[start]]
    match = matcher(glob_pattern)
    if not glob_pattern.startswith("!") and not set("/:") & set(glob_pattern) and not kind:
        return (f"--type-add=wanted:{glob_pattern}", "--type=wanted"), [[start]]
    groups: list[list[str]] = []
    room = 0
    for name in _files(space, start, match, *kind):
        if room < len(name):
            groups.append([])
            room = _ARGUMENTS
        groups[-1].append(name)
        room -= len(name) + 1
    return (), groups


def _lines(found: list[str], total: int, *, stopped: bool = False) -> tuple[str, dict[str, Any]]:
    """The first of ``total`` lines, as many as fit."""
    lines = [limits.cut_line(line, limits.SEARCH_LINE_CHARS) for line in found]
    details: dict[str, Any] = {"lines": total}
    if not lines:
        return "no match", details
    shown = limits.first_part(
        "\n".join(lines[: limits.SEARCH_LINES]), limits.SEARCH_LINES, limits.SEARCH_BYTES
    )
    kept = shown.rstrip("\n").split("\n")
    if len(kept) < total:
        more = f"{'at least ' if stopped else ''}{total - len(kept)} more lines"
        kept.append(f"[… {more}: narrow the pattern, path or glob, or use mode files]")
    return "\n".join(kept), details


def _counts(out: bytes) -> tuple[str, dict[str, Any]]:
    """Matches per file, from ``name NUL count``, and their sum."""
    pairs = {os.fsdecode(name): int(count) for name, count in re.findall(rb"([^\0]+)\0(\d+)\n", out)}
    if not pairs:
        return "no match", {"matches": 0}
    matches = sum(pairs.values())
    lines = [f"{os.fsencode(name).decode('utf-8', 'replace')}:{pairs[name]}" for name in _newest(list(pairs))]
    shown, details = _lines([line.removeprefix("./") for line in lines], len(lines))
    return f"{shown}\n{matches} matches in {len(pairs)} files", {**details, "matches": matches}
