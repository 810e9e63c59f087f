"""Skills: folders with a SKILL.md that says what they are for. Listed by name, read on demand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from codebutler.repo.objects import list_files, read_bytes, show_file
from codebutler.text import fit

FOLDERS = (".codebutler/skills", ".claude/skills")
"""Where a repo keeps them. Of two with one name, the first wins."""
FILE = "SKILL.md"
AT_MOST, LOOKED = 40, 100
"""Skills that are listed, and files that are looked into for them: each takes a moment of a start."""
DESCRIPTION, LISTED, TEXT = 240, 6_000, 16_000
"""Characters of one description, of the whole list, and of a file that is read."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_KEY = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):[ \t]*(.*)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class Skill(Struct, frozen=True):
    """``folder`` is relative to the repo; ``files`` are those in it, relative to it."""

    name: str
    description: str
    folder: str
    files: tuple[str, ...] = ()


class Skills(Struct, frozen=True):
    """All that a commit has. ``problems`` are lines for people: what is left out, and why."""

    found: Mapping[str, Skill]
    problems: Sequence[str] = ()

    def listing(self) -> str:
        """For a system prompt: a line each, as many as fit; "" for none."""
        lines: list[str] = []
        room = LISTED - 200
        for skill in self.found.values():
            line = f"- {skill.name}: {skill.description}"
            room -= len(line) + 1
            if room < 0:
                lines.append(f"- … {len(self.found) - len(lines)} more, not listed")
                break
            lines.append(line)
        head = "Ways of doing things here. Where one fits the task, read it with `skill` before you begin."
        return "\n".join([head, *lines]) if lines else ""


async def find(gitdir: Path, commit: str) -> Skills:
    """The skills of ``commit``. A file that is none is named, and stops nothing."""
    found: dict[str, Skill] = {}
    problems: list[str] = []
    beyond: list[str] = []
    looked = 0
    for top in FOLDERS:
        files = await list_files(gitdir, commit, top)
        for path in sorted(p for p in files if p.endswith(f"/{FILE}") and p.count("/") == top.count("/") + 2):
            folder = path.removesuffix(f"/{FILE}")
            looked += 1
            if looked > LOOKED:
                beyond.append(folder)
                continue
            try:
                name, description = front_matter(await show_file(gitdir, commit, path) or "", folder)
            except ValueError as error:
                problems.append(f"{path}: {error}. Mend its front matter")
                continue
            if name in found:
                problems.append(f"{path}: {found[name].folder} has the name {name} already. Give it another")
            elif len(found) == AT_MOST:
                beyond.append(folder)
            else:
                inside = tuple(f.removeprefix(f"{folder}/") for f in files if f.startswith(f"{folder}/"))
                found[name] = Skill(name, description, folder, inside)
    if beyond:
        problems.append(
            f"{len(beyond)} of {len(found) + len(beyond)} skills, as roles are shown {AT_MOST} at most "
            f"({fit(', '.join(beyond), DESCRIPTION)}). Join some, or take some away"
        )
    return Skills(found, problems)


async def read(gitdir: Path, commit: str, skill: Skill, file: str = "") -> str | None:
    """A file of the skill (SKILL.md unless named); None if it has no such text file."""
    wanted = file.strip("/") or FILE
    if wanted not in skill.files:
        return None
    data = await read_bytes(gitdir, commit, f"{skill.folder}/{wanted}")
    if data is None or b"\0" in data[:8192]:
        return None
    return fit(data.decode(errors="replace"), TEXT)


def front_matter(text: str, folder: str) -> tuple[str, str]:
    """(name, description) from the head of a SKILL.md; the folder's name where it gives none.

    Only ``key: value``, quoted or not, and blocks after ``|`` and ``>`` are understood. ValueError says
    what is wrong.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].strip() != "---":
        raise ValueError("it does not begin with front matter (a line of three hyphens)")
    end = next((i for i, line in enumerate(lines[1:200], 1) if line.strip() == "---"), None)
    if end is None:
        raise ValueError("its front matter does not end with a line of three hyphens")
    values = _values(lines[1:end])
    name = values.get("name") or folder.rpartition("/")[2]
    if not _NAME.fullmatch(name):
        raise ValueError(f"its name {name[:40]!r} is not made of letters, digits, - _ .")
    description = " ".join(_CONTROL.sub(" ", values.get("description", "")).split())
    if not description:
        raise ValueError("its front matter has no description")
    cut = description if len(description) <= DESCRIPTION else f"{description[: DESCRIPTION - 1]}…"
    return name, cut


def _values(lines: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    key = ""
    for line in lines:
        found = _KEY.fullmatch(line)
        if found is not None:
            key, value = found[1].lower(), found[2].strip()
            if value[:1] in {"|", ">"} and len(value) <= 2:
                value = ""
            values[key] = _plain(value)
        elif key and line[:1].isspace():
            values[key] = f"{values[key]} {line.strip()}".strip()
    return values


def _plain(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
