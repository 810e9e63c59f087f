"""Trial merges of real branches: what git calls a conflict, what merges, and a thousand branches at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from codebutler.repo.merging import merged_tree, unsettled
from codebutler.repo.objects import changed_paths
from codebutler.thread.reach import Reach, may_clash, shared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.unit.conftest import GitBox

TEXT = "".join(f"line {n}\n" for n in range(1, 21))
Change = dict[str, str | None]


def branch(box: GitBox, name: str, files: Mapping[str, str | None], base: str) -> tuple[str, str]:
    box.git("checkout", "-q", "-b", name, base)
    return box.commit(dict(files)), base


async def reach_of(box: GitBox, tip: str, base: str) -> Reach:
    paths = await changed_paths(box.gitdir, base, tip)
    return Reach(changed=frozenset(paths), head=tip, base=base)


@pytest.mark.parametrize(
    ("one", "other", "conflicts"),
    [
        pytest.param({"d/f": TEXT.replace("line 5\n", "A\n")}, {"d/f": TEXT.replace("line 5\n", "B\n")},
                     ["d/f"], id="same line"),
        pytest.param({"d/f": TEXT.replace("line 2\n", "A\n")}, {"d/f": TEXT.replace("line 18\n", "B\n")},
                     [], id="same file apart"),
        pytest.param({"d/f": None, "d/g": TEXT}, {"d/f": TEXT.replace("line 5\n", "B\n")},
                     [], id="rename vs edit"),
        pytest.param({"d/f": None, "e/g": TEXT}, {"d/f": None, "e/h": TEXT},
                     ["d/f", "e/g", "e/h"], id="rename vs rename"),
        pytest.param({"d/f": None}, {"d/f": TEXT.replace("line 5\n", "B\n")}, ["d/f"], id="delete vs edit"),
        pytest.param({"d/new": "a\n"}, {"d/other": "b\n"}, [], id="same folder"),
        pytest.param({"new": "a\n"}, {"new": "b\n"}, ["new"], id="added in both"),
        pytest.param({"lib": "a\n"}, {"lib/deep": "b\n"}, ["lib~x"], id="a file for a folder"),
    ],
)  # fmt: skip
async def test_what_conflicts_is_what_git_says_and_no_pair_that_does_is_left_out(
    git_box: GitBox, one: Change, other: Change, conflicts: list[str]
) -> None:
    base = git_box.commit({"d/f": TEXT})
    mine = await reach_of(git_box, *branch(git_box, "x", one, base))
    theirs = await reach_of(git_box, *branch(git_box, "y", other, base))
    _, paths = await merged_tree(git_box.gitdir, mine.head, theirs.head)
    assert [p.partition("~")[0] for p in sorted(paths)] == [p.partition("~")[0] for p in conflicts]
    assert may_clash(mine, theirs) or not conflicts


async def test_three_ways_each_pair_merges_and_one_of_them_with_both_does_not(git_box: GitBox) -> None:
    """Pairs are what the radar sees: the third is found once the first has landed."""
    base = git_box.commit({"d/f": TEXT})
    edits = {"x": ("line 2\n", "A\n"), "y": ("line 10\n", "B\n"), "z": ("line 2\n", "C\n")}
    tips = {n: branch(git_box, n, {"d/f": TEXT.replace(*edit)}, base)[0] for n, edit in edits.items()}
    found = {}
    for one, other in (("x", "y"), ("y", "z"), ("x", "z")):
        found[one + other] = (await merged_tree(git_box.gitdir, tips[one], tips[other]))[1]
    assert found == {"xy": [], "yz": [], "xz": ["d/f"]}


async def test_hostile_paths_are_merged_like_any_other(git_box: GitBox) -> None:
    name = 'd/a\n`b` @all \\ "q" -x\x1b[31m é'
    base = git_box.commit({name: TEXT})
    mine, theirs = [
        await reach_of(git_box, *branch(git_box, n, {name: TEXT.replace("line 5\n", n)}, base)) for n in "xy"
    ]
    assert shared(mine, theirs, names=True) == {f"file:{name}"}
    assert (await merged_tree(git_box.gitdir, mine.head, theirs.head))[1] == [name]


def test_of_a_thousand_branches_only_those_that_touch_are_tried() -> None:
    every = [Reach(changed=frozenset({f"p{n}/a", f"p{n}/b"}), head=str(n), base="0") for n in range(1_000)]
    mine = Reach(changed=frozenset({"p7/a", "q/x"}), head="m", base="0")
    assert [other.head for other in every if may_clash(mine, other)] == ["7"]


async def test_marks_of_our_conflicts_are_found_in_what_changed_alone(git_box: GitBox) -> None:
    mark = f"<<<<<<< {'a' * 40}\n"
    base = git_box.commit({"old": mark, "doc": "x\n", "A": "a\n", "left": "z\n"})
    end = f"one\n>>>>>>> {'b' * 40}:A\n"
    head = git_box.commit(
        {"doc": "<<<<<<< HEAD\nx\n=======\n", "A": f"a\n{mark}", "sub/é": end, "left": "y\n"}
    )
    assert await unsettled(git_box.gitdir, base, head) == ["A", "sub/é"]
    done = git_box.commit({"A": "a\n", "sub/é": "one\n", "old": "settled\n"})
    assert await unsettled(git_box.gitdir, base, done) == []
