"""What two threads share, by their plans and diffs; the order of merges; the issues that a request names."""

from __future__ import annotations

import json
import time

import pytest

from codebutler.thread.ahead import group_mark, order
from codebutler.thread.issues import named_issues, of_repo
from codebutler.thread.names import Names, of_diff, of_prose
from codebutler.thread.reach import Reach, load, may_clash, shared
from codebutler.thread.warning import Neighbour, code, name, overlap, plain


def changing(*paths: str, head: str = "h", owns: tuple[str, ...] = (), uses: tuple[str, ...] = ()) -> Reach:
    return Reach(changed=frozenset(paths), owns=frozenset(owns), uses=frozenset(uses), head=head, base="0")


@pytest.mark.parametrize(
    ("one", "other", "causes"),
    [
        (("src/a.py",), ("src/a.py",), {"file:src/a.py"}),
        (("src/a.py", "src/c.py"), ("src/a.py", "src/b.py"), {"file:src/a.py"}),
        (("src/a.py",), ("src/b.py",), {"directory:src"}),
        (("a.py",), ("b.py",), set()),
        (("src/a.py",), ("src/deep/b.py",), set()),
    ],
)
def test_files_before_folders_and_the_top_is_no_folder(
    one: tuple[str, ...], other: tuple[str, ...], causes: set[str]
) -> None:
    assert shared(changing(*one), changing(*other), names=True) == causes
    assert shared(changing(*other), changing(*one), names=True) == causes


def test_meaning_is_a_name_that_one_changes_and_the_other_changes_or_uses() -> None:
    changes = changing("a.py", owns=("parse_rate",))
    calls = changing("b.py", uses=("parse_rate", "round_up"))
    assert shared(changes, calls, names=True) == {"meaning:parse_rate"} == shared(calls, changes, names=True)
    assert shared(calls, changing("c.py", uses=("round_up",)), names=True) == set()
    assert shared(changes, calls, names=True, common=["parse_rate"]) == set()
    assert shared(changes, calls, names=False) == set()


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        (("a",), ("a",), True),
        (("d/a",), ("d/b",), True),
        (("lib",), ("lib/deep/x",), True),
        (("a",), ("b",), False),
        (("d/a",), ("e/b",), False),
    ],
)
def test_only_pairs_that_could_conflict_are_merged_for_trial(
    one: tuple[str, ...], other: tuple[str, ...], may: bool
) -> None:
    assert may_clash(changing(*one, head="1"), changing(*other, head="2")) is may
    assert not may_clash(changing(*one, head="1"), changing(*other, head=""))


def test_names_of_a_plans_words() -> None:
    text = (
        "Rename `rateFor` in `src/app.py`, call compute_total(), set `limits.onCap`; make the table main()."
    )
    assert of_prose(text) == {"rateFor", "compute_total", "limits.onCap", "onCap"}


DIFF = """\
diff --git a/rates.py b/rates.py
--- a/rates.py
+++ b/rates.py
@@ -10,7 +10,7 @@ def rate_for(weight: float) -> float:
-    return old_table(weight)
+    return BandTable.lookup(weight, self.roundingMode)
+def added_later(x):
+MAX_WEIGHT = 30
--- a/config.toml
+++ b/config.toml
@@ -1 +1 @@
-surcharge = 1
+"surcharge" = 2
"""


def test_names_of_a_diff_are_those_it_defines_changes_or_uses() -> None:
    path = ".codebutler/memory/pm.md"
    assert of_diff(f"--- a/{path}\n+++ b/{path}\n@@ -1 +1,2 @@\n+- Ask `kim_for_labels`\n") == Names(), (
        "a kept lesson makes no change larger"
    )
    names = of_diff(DIFF)
    assert names.owns == {"rate_for", "added_later", "MAX_WEIGHT", "surcharge"}
    assert names.uses == {"old_table", "BandTable.lookup", "lookup", "roundingMode"}
    assert names.lines == 6


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "`" * 200_000, "a." * 100_000, "@@ " * 70_000, "_" * 200_000]
)
def test_hostile_words_cost_next_to_nothing(text: str) -> None:
    begun = time.process_time()
    assert len(of_prose(text)) <= 3
    assert of_diff("+" + text) == Names(of_diff("+" + text).owns, of_diff("+" + text).uses, 1)
    named_issues(text)
    assert time.process_time() - begun < 20  # seconds: what is quadratic here takes hours


def test_a_reach_survives_its_row_and_a_strange_row_is_an_empty_one() -> None:
    a, b, c, d, e = (frozenset({name}) for name in ("planned", "changed", "owned", "used", "#1"))
    mine = Reach("T", a, b, c, d, e, "h", "b", 3, 9)
    assert load(mine.dump()) == mine
    assert load(Reach().dump()) == Reach()
    for strange in (
        "",
        "{}",
        "[]",
        "null",
        '{"radar": 3}',
        '{"radar": {"pr": []}}',
        '{"radar": {"planned": 3}}',
    ):
        assert load(strange) == Reach()
    many = changing(*(f"f{n}" for n in range(5_000)))
    assert len(json.loads(many.dump())["radar"]["changed"]) == 1_000


def pull(name: str, number: int, *paths: str, lines: int = 1) -> Neighbour:
    return Neighbour(name, "", Reach(changed=frozenset(paths), pr=number, lines=lines, head=name, base="0"))


def test_who_conflicts_with_many_is_merged_last_and_the_small_before_the_large() -> None:
    hub, small, large = pull("hub", 1, "a", "b"), pull("small", 2, "a"), pull("large", 3, "b", lines=90)
    clashes = [frozenset({"hub", "small"}), frozenset({"hub", "large"})]
    assert [n.id for n in order([hub, large, small], clashes)] == ["small", "large", "hub"]
    assert [n.id for n in order([large, small], [frozenset({"small", "large"})])] == ["small", "large"]
    twins = [pull("y", 5, "a"), pull("x", 4, "a")]
    assert [n.reach.pr for n in order(twins, [])] == [4, 5]
    assert group_mark(twins) == group_mark(twins[::-1]) != group_mark(twins[:1]), "one order for each group"


@pytest.mark.parametrize(
    ("text", "issues"),
    [
        ("Fixes #12 and closes #7", ["#12", "#7"]),
        ("see https://github.com/Acme/App/issues/12 please", ["acme/app#12"]),
        ("acme/app#12", ["acme/app#12"]),
        ("https://git.acme.example/acme/app/issues/3#comment", ["acme/app#3"]),
        ("https://linear.app/acme/issue/ENG-41/a-title", ["ENG-41"]),
        ("implement ENG-41", ["ENG-41"]),
        ("Use UTF-8, SHA-256 and step #2", []),
        ("resolve utf-8 trouble", []),
        ("https://github.com/acme/app/pull/12", []),
        ("nothing", []),
        ("work on ENG-7", ["ENG-7"]),
        ("Please take on ENG-7 and then handle issue 77", ["ENG-7", "#77"]),
        ("let's do #77", ["#77"]),
        ("do issue ENG-7", ["ENG-7"]),
        ("implement retries for #12", ["#12"]),
        ("fix issue 5", ["#5"]),
        ("What do step #12 and #13 say? Handle ISO-8601 dates, work on UTF-8", []),
        ("what do #12 and the others have, and this issue 5 times", []),
    ],
)
def test_issues_that_a_request_names(text: str, issues: list[str]) -> None:
    assert named_issues(text) == issues


def test_a_repos_own_issue_is_one_however_it_is_named() -> None:
    for url in ("https://github.com/Acme/App.git", "git@github.com:acme/app.git", "ssh://git@h/acme/app"):
        assert of_repo(["acme/app#12", "#12", "other/app#12"], url) == {"#12", "other/app#12"}
    assert named_issues("go", ["Acme/App#12"]) == ["acme/app#12"]


def test_hostile_paths_stay_on_their_line_and_are_no_markup() -> None:
    path = "a`\n# Owned <!-- x --> @all \u202e\x1b[31m"
    assert "\n" not in plain(path)
    assert not set(plain(path)) & set("`<\x1b\u202e")
    assert code(f"p{n:02}" for n in range(20)).endswith("`p07` and 12 more")
    one, other = (Neighbour(i, "b`r", changing(path)) for i in "xy")
    assert len(overlap(one, other, {f"file:{path}"}, clean=True).splitlines()) == 2


def test_another_thread_is_named_by_what_people_know_of_it() -> None:
    about = Reach(title="Notes", held=frozenset({"#6", "acme/web#2"}), pr=9)
    assert name(Neighbour("t1", "b", about)) == "Thread `t1` “Notes” (about #6, acme/web#2, pull request #9)"
    assert name(Neighbour("t1", "b", about), issues=False) == "Thread `t1` “Notes” (pull request #9)"
    assert name(Neighbour("t1", "", Reach(held=frozenset({"#6"})))) == "Thread `t1` (about #6)"
