"""Properties of edit, apply_patch and truncation, and a protocol reader that nothing upsets.

One executor serves all examples of a test: it is spoken to by hand, line by line.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\0\x1b"), max_size=200)
SHORT = st.text(st.characters(codec="utf-8", exclude_characters="\r\0\x1b"), max_size=3)
LINE = st.text(st.sampled_from("ab \t-+@*#ü"), max_size=6)
LINES = st.lists(LINE, max_size=12)


@EXAMPLES
@given(around=st.tuples(TEXT, TEXT), old=SHORT, new=TEXT, every=st.booleans())
def test_edit_replaces_exactly_or_changes_nothing(
    hand: Any, around: tuple[str, str], old: str, new: str, every: bool
) -> None:
    text = old.join(around)
    file = hand.put("a.txt", text)
    good, _ = hand.call("edit", path="a.txt", old=old, new=new, replace_all=every)
    times = text.count(old) if old else 0
    fits = old != new and (times == 1 or (times > 1 and every))
    assert good == fits
    assert file.read_bytes().decode() == (text.replace(old, new) if fits else text)


@EXAMPLES
@given(text=TEXT, pairs=st.lists(st.tuples(SHORT, SHORT), max_size=5))
def test_edits_apply_all_or_none(hand: Any, text: str, pairs: list[tuple[str, str]]) -> None:
    file = hand.put("a.txt", text)
    edits = [{"old": old, "new": new, "replace_all": True} for old, new in pairs]
    good, _ = hand.call("edit", path="a.txt", edits=edits)
    expected = text
    for old, new in pairs:
        expected = expected.replace(old, new)
    assert file.read_bytes().decode() == (expected if good else text)


def patch_of(before: list[str], cuts: list[tuple[int, int, list[str]]]) -> tuple[list[str], list[str]]:
    """A patch with one hunk per cut (place, lines to take out, lines to put in), and what it must give."""
    body, after, at = [], list[str](), 0
    for place, out, fresh in cuts:
        begin = min(len(before), at + place)
        end = min(len(before), begin + out)
        body += [
            "@@",
            *(f" {line}" for line in before[at:begin]),
            *(f"-{line}" for line in before[begin:end]),
        ]
        body += [f"+{line}" for line in fresh]
        after += before[at:begin] + fresh
        at = end
    return body, after + before[at:]


CUTS = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3), st.lists(LINE, max_size=3)), max_size=3)


@EXAMPLES
@given(numbers=st.integers(1, 12), words=LINES, cuts=CUTS)
def test_a_patch_made_from_a_file_fits_it(
    hand: Any, numbers: int, words: list[str], cuts: list[tuple[int, int, list[str]]]
) -> None:
    before = [f"{n}{word}" for n, word in enumerate((words * numbers)[:30])]
    cuts = [cut for n, cut in enumerate(cuts) if len(before) > 8 * n + 8]  # every hunk has lines of its own
    body, after = patch_of(before, cuts)
    if not body:
        return
    file = hand.put("a.txt", "".join(f"{line}\n" for line in before))
    patch = "\n".join(["*** Begin Patch", "*** Update File: a.txt", *body, "*** End Patch"])
    good, said = hand.call("apply_patch", input=patch)
    assert good, said
    assert file.read_bytes().decode() == "".join(f"{line}\n" for line in after)


WORDS = st.sampled_from(
    """*** Update File: a.txt|*** Update File: b.txt|*** Add File: c.txt|*** Delete File: b.txt
*** Move to: d.txt|*** End of File|@@|@@ a|-a|+a| a|-b|+b| b||+|x""".replace("\n", "|").split("|")
)


@EXAMPLES
@given(lines=st.lists(WORDS, max_size=14))
def test_any_patch_changes_all_or_nothing(hand: Any, lines: list[str]) -> None:
    for name in ("c.txt", "d.txt"):
        (hand.folder / name).unlink(missing_ok=True)
    hand.put("a.txt", "a\nb\na\n")
    hand.put("b.txt", "b\n")
    before = {path.name: path.read_bytes() for path in hand.folder.iterdir()}
    good, said = hand.call("apply_patch", input="\n".join(["*** Begin Patch", *lines, "*** End Patch"]))
    after = {path.name: path.read_bytes() for path in hand.folder.iterdir()}
    assert good or after == before
    assert good or said
    assert set(after) <= {"a.txt", "b.txt", "c.txt", "d.txt"}


@EXAMPLES
@given(text=TEXT)
def test_a_short_text_is_shown_whole_by_bash_and_read(hand: Any, text: str) -> None:
    hand.put("a.txt", text)
    assert hand.call("bash", command="cat a.txt")[1] == (text.rstrip("\n") or "(no output)")
    shown = hand.call("read", path="a.txt")[1]
    if text.strip("\n") and "\n" not in text:
        assert shown == f"1\t{text}"


@settings(EXAMPLES, max_examples=60)
@given(piece=st.text(st.sampled_from("x\nü→\t "), min_size=1, max_size=40), times=st.integers(1, 60_000))
def test_a_cut_text_keeps_both_ends_and_says_what_is_missing(hand: Any, piece: str, times: int) -> None:
    text = f"HEAD{piece * times}TAIL"
    hand.put("a.txt", text)
    shown = hand.call("bash", command="cat a.txt")[1]
    assert len(shown.encode()) <= 24_200
    assert shown.count("\n") <= 602
    assert shown.startswith("HEAD")
    assert shown.endswith("TAIL")
    assert shown == text or " bytes cut; all in /" in shown


def malformed(count: int) -> list[bytes]:
    """Lines that are no good requests: broken, mistyped, huge, or random bytes. The same ones every time."""
    dice = random.Random(7)
    good = b'{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"read","arguments":{"path":"x"}}}'
    values = [
        "null",
        "[]",
        "{}",
        "1e999",
        "-0",
        '"\\ud800"',
        "[" * 200,
        "9" * 5000,
        "true",
        '"\\u0000"',
        "NaN",
    ]
    shapes = [
        lambda: bytes(dice.randrange(256) for _ in range(dice.randrange(60))),
        lambda: good[: dice.randrange(len(good))],
        lambda: good.replace(b"read", bytes(dice.randrange(32, 127) for _ in range(4))),
        lambda: b'{"id":%b,"method":%b}' % (dice.choice(values).encode(), dice.choice(values).encode()),
        lambda: b'{"id":1,"method":"tools/call","params":%b}' % dice.choice(values).encode(),
        lambda: (
            b'{"id":1,"method":"tools/call","params":{"name":"edit","arguments":%b,"_meta":%b}}'
            % (dice.choice(values).encode(), dice.choice(values).encode())
        ),
        lambda: (
            b'{"id":1,"method":"codebutler/%b","params":{"offset":%b,"path":%b,"commit":%b}}'
            % (dice.choice([b"pack", b"read_file", b"x"]), *(dice.choice(values).encode() for _ in range(3)))
        ),
        lambda: (
            b'{"method":"notifications/cancelled","params":{"requestId":%b}}' % dice.choice(values).encode()
        ),
    ]
    return [dice.choice(shapes)().replace(b"\n", b" ") for _ in range(count)]


def test_a_hundred_thousand_malformed_lines(hand: Any, folder: Path) -> None:
    """No crash, no hang, nothing written; the executor answers as before."""
    (folder / "x").write_text("text\n")
    lines = malformed(100_000)
    for start in range(0, len(lines), 500):
        batch = lines[start : start + 500]
        # 500 short replies fit into the pipe, so neither side waits for the other.
        hand.stdin.write(b"\n".join(batch) + b"\n")
        assert hand.request("ping")["result"] == {}
    assert hand.call("read", path="x") == (True, "1\ttext")
    assert [path.name for path in folder.iterdir()] == ["x"]
