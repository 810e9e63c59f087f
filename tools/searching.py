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


def _files(space: Workspace, start: str, match: Callable[[str], object], *kind: str) -> list[bytes]:
    """Files below ``start`` that match and are not ignored, as paths relative to the root."""
    raw = _names(_rg(space, *kind, "--files", "--null", "--", start).out)
    prefix = "" if start == "." else start + "/"
    return [name for name in raw if match(os.fsdecode(name).removeprefix(prefix))]


def _names(raw: bytes) -> list[bytes]:
    return [name.removeprefix(b"./") for name in raw.split(b"\0") if name]


def _newest(names: list[bytes]) -> list[bytes]:
    """Sorted by modification time, newest first, then by name. A file that has gone sorts last."""
    ages: list[tuple[int, bytes]] = []
    for name in names:  # there may be 50,000 of them: no call more than needed
        try:
            ages.append((-os.lstat(name).st_mtime_ns, name))
        except OSError:
            ages.append((0, name))
    ages.sort()
    return [name for _, name in ages]


def _file_list(names: list[bytes], none: str, page: slice | None = None) -> str:
    first, stop = (
        (page.start, min(page.stop, page.start + limits.SEARCH_FILES)) if page else (0, limits.SEARCH_FILES)
    )
    shown = [limits.name(name) for name in names[first:stop]]
    if len(names) > first + len(shown):
        further = f"; go on with offset {first + len(shown)}" if page else ""
        shown.append(f"[… {len(names) - first - len(shown)} more files{further}]")
    return "\n".join(shown) or (_past(first, len(names)) if names else none)


def _past(first: int, total: int) -> str:
    return f"(no more: there are {total} results, and offset is {first})"


def grep(space: Workspace, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Matching lines, files with matches, or matches per file: what was changed last comes first."""
    mode = arguments.get("mode", "content")
    start = _start(space, arguments.get("path", "."), folder=False)
    context = min(arguments.get("context", 0), limits.SEARCH_CONTEXT)
    shape = {
        "content": ("--line-number", "--column", "--heading", "--with-filename", "--null",
                    "--max-columns=10000", "--max-columns-preview",
                    f"--context={context}"),
        "files": ("--files-with-matches", "--null"),
        "count": ("--count-matches", "--with-filename", "--null"),
    }[mode]  # fmt: skip
    wanted, only = arguments["pattern"], arguments.get("glob")
    if "\0" in wanted:
        raise Fault("the pattern holds a NUL character")
    across = "\n" in wanted or "\\n" in wanted
    how = ("--multiline", "--multiline-dotall") if arguments.get("multiline") else ("--multiline",) * across
    fold = ("--ignore-case",) if arguments.get("ignore_case") else ()
    if wanted.endswith("$") and not wanted.endswith("\\$"):
        wanted = wanted[:-1] + r"\r?$"  # read shows lines without their carriage returns
    pattern = (*how, *fold, "--regexp=" + wanted)
    kind = _kind(arguments)
    only = None if only is None else _below(space, only, arguments.get("path", "."))
    narrow, starts = _narrowed(space, start, only, kind)
    if not starts:
        return "no match: no file fits the glob", {"lines": 0}
    limit = limits.SEARCH_RAW if mode == "content" else limits.NAMES_RAW
    found = [_rg(space, *shape, *kind, *narrow, *pattern, "--", *some, limit=limit) for some in starts]
    out, page = b"".join(each.out for each in found), _page(arguments)
    if mode == "files":
        names = _newest(_names(out))
        return _file_list(names, "no match", page), {"files": len(names)}
    if mode == "count":
        return _counts(out, page)
    return _matches(out, context, page, stopped=any(each.cut for each in found))


def _page(arguments: dict[str, Any]) -> slice:
    """Which of the results are wanted, by offset and limit."""
    first, most = arguments.get("offset", 0), limits.SEARCH_LINES
    return slice(first, first + min(arguments.get("limit", most), most))


def _kind(arguments: dict[str, Any]) -> tuple[str, ...]:
    """Ripgrep's option for a file type. Its own names only: no option can be smuggled in."""
    kind = arguments.get("type", "").lower().removeprefix("*").removeprefix(".")
    kind = _TYPES.get(kind, kind)
    if kind and not re.fullmatch(r"[a-z0-9_+-]{1,30}", kind):
        raise Fault(f"no such file type: {limits.cut_line(kind, 60)}. Use names like py, js, rust, or glob")
    return (f"--type={kind}",) if kind else ()


def _matches(out: bytes, context: int, page: slice, *, stopped: bool) -> tuple[str, dict[str, Any]]:
    """Newest file first, ``--`` between pieces. Of a flood only the lines that are shown are looked at."""
    pieces, notes = _by_file(out)
    total = sum(piece.count(b"\n") + 1 for piece in pieces.values()) + len(notes)
    if context and pieces:
        total += len(pieces) - 1
    lines: list[str] = []
    for name in _newest(list(pieces)):
        if len(lines) >= page.stop:
            break
        lines += ["--"] if context and lines else []
        found, skipped = pieces[name].split(b"\n"), max(0, page.start - len(lines))
        lines += [""] * min(skipped, len(found))
        shown = name.removeprefix(b"./")
        lines += [_shown(shown, line) for line in found[skipped : skipped + limits.SEARCH_LINES]]
    return _lines(lines + notes, total, page, stopped=stopped)


def _by_file(out: bytes) -> tuple[dict[bytes, bytes], list[str]]:
    """What ripgrep printed under each file's name, and what it has to say of files that it cannot show.

    ``NAME NUL LINES``, each line beginning with its number, and an empty line before the next name.
    """
    whole = out[: out.rfind(b"\n") + 1]  # it may have been stopped in the middle of a line
    start, *rest = whole.split(b"\0")
    said, _, name = start.rpartition(b"\n\n") if rest else (start, b"", b"")
    pieces: dict[bytes, bytes] = {}
    notes = [said]
    for each in rest:
        text, blank, following = each.rpartition(b"\n\n")
        pieces[name], _, said = (text if blank else each.removesuffix(b"\n")).partition(b"\n\n")
        notes.append(said)
        name = following
    lines = b"\n".join(notes).split(b"\n")
    return pieces, [line.decode("utf-8", "replace").removeprefix("./") for line in lines if line]


def _shown(name: bytes, line: bytes) -> str:
    """``name:line:text``, or around a match ``name-line-text``; of a long line the part with the match."""
    match = _NUMBER.match(line)
    if match is None:  # -- between two places of a file
        return line.decode("utf-8", "replace")
    text, column = line[match.end() :].removesuffix(b"\r"), int(match[2] or 0)
    if column > limits.SEARCH_LINE_CHARS // 2 and len(text) > limits.SEARCH_LINE_CHARS:
        text = "… ".encode() + text[column - 1 - limits.SEARCH_LINE_CHARS // 4 :]
    mark = b":" if column else b"-"
    return limits.name(name) + (mark + match[1] + mark + text).decode("utf-8", "replace")


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
        groups[-1].append(os.fsdecode(name))
        room -= len(name) + 1
    return (), groups


def _lines(found: list[str], total: int, page: slice, *, stopped: bool = False) -> tuple[str, dict[str, Any]]:
    """The wanted lines within the limits, and how many of ``total`` come after them."""
    details: dict[str, Any] = {"lines": total}
    if not found:
        return "no match", details
    lines = [limits.cut_line(line, limits.SEARCH_LINE_CHARS) for line in found[page]]
    if not lines:
        return _past(page.start, total), details
    shown = limits.first_part("\n".join(lines), limits.SEARCH_LINES, limits.SEARCH_BYTES)
    kept = shown.rstrip("\n").split("\n")
    if (last := page.start + len(kept)) < total:
        more = f"{'at least ' if stopped else ''}{total - last} more lines"
        kept.append(f"[… {more}: go on with offset {last}, narrow pattern, path or glob, or use mode files]")
    return "\n".join(kept), details


def _counts(out: bytes, page: slice) -> tuple[str, dict[str, Any]]:
    """Matches per file, from ``name NUL count``, and their sum."""
    pairs = {name: int(count) for name, count in re.findall(rb"([^\0]+)\0(\d+)\n", out)}
    if not pairs:
        return "no match", {"matches": 0}
    matches = sum(pairs.values())
    lines = [f"{limits.name(name)}:{pairs[name]}".removeprefix("./") for name in _newest(list(pairs))]
    text, details = _lines(lines, len(pairs), page)
    return f"{text}\n{matches} matches in {len(pairs)} files", {**details, "matches": matches}
