"""The apply_patch tool: several files in one step, all of them or none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import limits
from editing import load, store
from faults import Fault
from patchtext import Operation, apply_hunks, parse
from paths import Place, absent, locate, writable
from staging import Staged, stage
from textfile import Form, decode, encode
from workspace import Workspace


class Draft:
    """A file as it was and as it will be; None: there is none. ``link``: it is a symlink that leads there."""

    def __init__(self, place: Place, before: bytes | None) -> None:
        """Nothing is changed yet."""
        self.place, self.before, self.after = place, before, before
        self.mode = -1
        self.link = ""


def apply_patch(space: Workspace, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Add, update, move and delete files. Nothing is changed unless all of it can be."""
    operations = parse(arguments["input"])
    with _drafts() as drafts:
        done = [_plan(space, drafts, each) for each in operations]
        if sum(len(each.before or b"") + len(each.after or b"") for each in drafts.values()) > limits.PATCH:
            raise Fault("the patch touches more bytes than can be held: split it")
        changed = [each for each in drafts.values() if each.link or each.before != each.after]
        _refuse_nested(changed)
        _commit(space, changed)
    return "\n".join(done), {"paths": list(drafts)[: limits.LIST_ENTRIES]}


@contextlib.contextmanager
def _drafts() -> Iterator[dict[str, Draft]]:
    """Drafts by real path; their directories are closed at the end, whatever happens."""
    drafts: dict[str, Draft] = {}
    try:
        yield drafts
    finally:
        for each in drafts.values():
            os.close(each.place.parent)


def _draft(space: Workspace, drafts: dict[str, Draft], path: str, *, keep_link: bool = False) -> Draft:
    """The draft for a path, read from disk the first time. A link that an earlier section deletes is gone."""
    place = writable(space, path, keep_link=True)
    if place.is_link and not keep_link and place.rel not in drafts:
        os.close(place.parent)
        place = writable(space, path)
    if place.rel in drafts:
        os.close(place.parent)
        return drafts[place.rel]
    if len(drafts) >= limits.PATCH_FILES:
        os.close(place.parent)
        raise Fault(f"the patch names more than {limits.PATCH_FILES} files: split it")
    draft = drafts[place.rel] = Draft(place, None)
    if place.is_link:
        draft.link = os.readlink(place.name, dir_fd=place.parent)
        draft.before = draft.after = os.fsencode(draft.link)
    elif place.stat is not None:
        draft.before = draft.after = load(space, place, text_only=False)
        draft.mode = place.stat.st_mode & 0o777
    return draft


def _plan(space: Workspace, drafts: dict[str, Draft], each: Operation) -> str:
    """Carry one operation out in memory; returns its line of the result."""
    draft = _draft(space, drafts, each.path, keep_link=each.kind == "delete")
    rel = draft.place.rel
    if each.kind == "add":
        if draft.after is not None:
            raise Fault(f"{rel} exists already: use Update File. Nothing was changed")
        draft.after = encode("".join(line + "\n" for line in each.content), Form(), rel)
        return f"A {rel}"
    if draft.after is None:
        raise absent(space, draft.place, each.path)
    if each.kind == "delete":
        draft.after = None
        return f"D {rel}"
    changed = _updated(rel, draft.after, each)
    if not each.move:
        draft.after = changed
        return f"M {rel}"
    target = _draft(space, drafts, each.move)
    if target is not draft and target.after is not None:
        raise Fault(f"{target.place.rel} exists already: a move replaces nothing. Nothing was changed")
    draft.after, target.after, target.mode = None, changed, draft.mode
    return f"R {rel} -> {target.place.rel}"


def _updated(rel: str, data: bytes, each: Operation) -> bytes:
    if not each.hunks:
        return data
    if b"\0" in data[:8192] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Fault(f"{rel} is not text. Nothing was changed")
    text, form = decode(data)
    if encode(text, form, rel) != data:
        raise Fault(f"{rel} is not valid {form.encoding}: change it with bash. Nothing was changed")
    return encode(apply_hunks(rel, text, each.hunks), form, rel)


def _refuse_nested(drafts: list[Draft]) -> None:
    """Raises Fault where the patch wants a file and, with the same name, a folder for another file."""
    files = {each.place.rel for each in drafts if each.after is not None}
    for inner in sorted(files):
        parts = inner.split("/")
        outer = next((at for at in ("/".join(parts[:n]) for n in range(1, len(parts))) if at in files), "")
        if outer:
            raise Fault(f"{outer} cannot be a file and hold {inner} too. Nothing was changed")


def _commit(space: Workspace, drafts: list[Draft]) -> None:
    """Put everything in place. All is written before the first file changes, so that a full disk
    changes none; what was done is undone if a later step fails all the same."""
    staged: list[Staged] = []
    done: list[Draft] = []
    made: list[str] = []
    try:
        for draft in drafts:
            if draft.after is not None:
                made += draft.place.missing_folders()
                draft.place.make_folders()
                staged.append(stage(draft.place, draft.after, draft.mode))
        for draft in drafts:
            done.append(draft)
            _put(space, draft, staged)
    except BaseException:
        for each in staged:
            with contextlib.suppress(OSError):
                each.drop()
        for draft in reversed(done):
            with contextlib.suppress(OSError):  # the first error is the one to tell of
                _restore(space, draft)
        for folder in reversed(made):
            with contextlib.suppress(OSError, Fault), locate(space, folder) as place:
                os.rmdir(place.name, dir_fd=place.parent)
        raise


def _put(space: Workspace, draft: Draft, staged: list[Staged]) -> None:
    """One file: its new content gets its name, or it goes."""
    if draft.after is None:
        os.unlink(draft.place.name, dir_fd=draft.place.parent)
        space.seen.pop(draft.place.rel, None)
    else:
        staged.pop(0).settle(space)


def _restore(space: Workspace, draft: Draft) -> None:
    if draft.link:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft.place.name, dir_fd=draft.place.parent)
        os.symlink(draft.link, draft.place.name, dir_fd=draft.place.parent)
    elif draft.before is not None:
        store(space, draft.place, draft.before)
    elif draft.after is not None:
        os.unlink(draft.place.name, dir_fd=draft.place.parent)
