"""Skills and instruction files: what of a commit roles are told, and what is left out."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from codebutler.repo import instructions, skills
from codebutler.repo.instructions import folders_above
from codebutler.repo.skills import DESCRIPTION, LISTED, Skill, Skills, front_matter

GOOD = "---\nname: release\ndescription: How we release.\n---\nDo it.\n"


def commit(root: Path, files: dict[str, str], links: dict[str, str] | None = None) -> tuple[Path, str]:
    root.mkdir()
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for name, target in (links or {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, check=True, capture_output=True, text=True)
    return root / ".git", done.stdout.strip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD, ("release", "How we release.")),
        ("---\ndescription: 'Quoted: yes.'\n---\n", ("folder", "Quoted: yes.")),
        ("\ufeff---\ndescription: >-\n  Over\n  two lines.\n---\n", ("folder", "Over two lines.")),
        ("---\ndescription: |\n  One.\nname: n\nallowed-tools: Bash\n---\n", ("n", "One.")),
        ("---\r\ndescription: a\x1b[31mb\r\n---\r\n", ("folder", "a [31mb")),
    ],
)
def test_front_matter_is_read(text: str, expected: tuple[str, str]) -> None:
    assert front_matter(text, ".claude/skills/folder") == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not begin"),
        ("# A skill\n", "does not begin"),
        ("---\nname: a\n", "does not end"),
        ("---\nname: a\n---\n", "no description"),
        ("---\nname: ../../etc\ndescription: d\n---\n", "is not made of"),
    ],
)
def test_bad_front_matter_is_named(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        front_matter(text, "folder")


def test_the_list_is_capped_and_says_so() -> None:
    many = {f"s{i}": Skill(f"s{i}", "d" * DESCRIPTION, f"f{i}") for i in range(40)}
    text = Skills(many).listing()
    assert len(text) <= LISTED
    assert "more, not listed" in text
    assert Skills({}).listing() == ""


async def test_skills_of_a_commit(tmp_path: Path) -> None:
    gitdir, head = commit(
        tmp_path / "r",
        {
            ".claude/skills/release/SKILL.md": GOOD,
            ".claude/skills/release/more/list.md": "one",
            ".claude/skills/release/logo.png": "a\0b",
            ".claude/skills/twin/SKILL.md": "---\nname: own\ndescription: second\n---\n",
            ".codebutler/skills/own/SKILL.md": "---\ndescription: first\n---\n",
            ".claude/skills/bad/SKILL.md": "nothing",
            "secret.md": "not a skill's",
        },
    )
    found = await skills.find(gitdir, head)
    assert {s.name: s.description for s in found.found.values()} == {
        "own": "first",
        "release": "How we release.",
    }
    assert [p.partition(":")[0] for p in found.problems] == [
        ".claude/skills/bad/SKILL.md",
        ".claude/skills/twin/SKILL.md",
    ]
    release = found.found["release"]
    assert await skills.read(gitdir, head, release) == GOOD
    assert await skills.read(gitdir, head, release, "more/list.md") == "one"
    for file in ("logo.png", "../../../secret.md", "nothing.md", "/etc/passwd"):
        assert await skills.read(gitdir, head, release, file) is None


async def test_the_repos_own_instructions(tmp_path: Path) -> None:
    gitdir, head = commit(
        tmp_path / "r",
        {
            "CLAUDE.md": "old name",
            "a/AGENTS.md": "of a",
            "a/CLAUDE.md": "passed over",
            "b/blank/AGENTS.md": " \n",
            "docs/rules.md": "by a link",
        },
        {
            "c/AGENTS.md": "../docs/rules.md",
            "out/AGENTS.md": "../../outside.md",
            "abs/AGENTS.md": "/etc/hostname",
            "loop/AGENTS.md": "CLAUDE.md",
            "loop/CLAUDE.md": "AGENTS.md",
        },
    )
    (tmp_path / "outside.md").write_text("not of this repo")
    folders = ["", "a", "b", "b/blank", "c", "out", "abs", "loop"]
    found = await instructions.of_folders(gitdir, head, folders)
    assert [(f.folder, f.path, f.text) for f in found] == [
        ("", "CLAUDE.md", "old name"),
        ("a", "a/AGENTS.md", "of a"),
        ("c", "c/AGENTS.md", "by a link"),
    ]


@pytest.mark.parametrize(
    ("path", "folders"),
    [
        ("a.py", []),
        ("a/b/c.py", ["a", "a/b"]),
        ("./a//b.py", ["a"]),
        ("a/../../b.py", []),
        ("a\0/b", []),
    ],
)
def test_folders_above(path: str, folders: list[str]) -> None:
    assert folders_above(path) == folders


async def test_of_skills_beyond_the_most_one_line_tells(tmp_path: Path) -> None:
    more = {f".claude/skills/s{n}/SKILL.md": f"---\nname: s{n}\ndescription: d\n---\n" for n in range(100)}
    more |= {f".claude/skills/z{n}/SKILL.md": "not even looked into" for n in range(3)}
    found = await skills.find(*commit(tmp_path / "r", more))
    assert len(found.found) == skills.AT_MOST
    (line,) = found.problems
    assert line.startswith("63 of 103 skills, as roles are shown 40 at most (.claude/skills/s")
    assert "front matter" not in line
