"""Properties of what is stored and shown: edits are atomic, bytes come back, cuts are accounted for."""

from __future__ import annotations

import itertools
import re
import stat
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

EXAMPLES = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PIECE = st.text(st.sampled_from("ab\n"), max_size=3)
LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0\x1b\x85"), max_size=8)
WIDE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\x1b\ufeff"), max_size=8)
MARKED = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff", "utf-8": b""}


@EXAMPLES
@given(
    text=st.text(st.sampled_from("ab\n"), max_size=12),
    edits=st.lists(st.tuples(PIECE, PIECE, st.booleans()), min_size=1, max_size=4),
)
def test_each_edit_sees_what_the_one_before_left_and_one_failure_undoes_all(
    hand: Any, text: str, edits: list[tuple[str, str, bool]]
) -> None:
    file = hand.put("a.txt", text)
    given_edits = [{"old": old, "new": new, "replace_all": every} for old, new, every in edits]
    good, _ = hand.call("edit", path="a.txt", edits=given_edits)
    fits, expected = True, text
    for old, new, every in edits:
        times = expected.count(old) if old else 0
        fits = fits and old != new and (times == 1 or (times > 1 and every))
        expected = expected.replace(old, new) if fits else expected
    assert good == fits
    assert file.read_bytes().decode() == (expected if fits else text)


def stored(lines: list[str], ends: str, encoding: str, *, final: bool) -> bytes:
    text = ends.join(lines) + (ends if final else "")
    return MARKED.get(encoding, b"") + text.encode(encoding.removesuffix("-sig"))


FORMS = st.tuples(
    st.sampled_from(["\n", "\r\n"]), st.sampled_from([*MARKED, "latin-1"]), st.booleans(), st.booleans()
)


@EXAMPLES
@given(lines=st.lists(WIDE, max_size=4), latin=st.lists(LATIN, max_size=4), form=FORMS, whole=st.booleans())
def test_a_change_keeps_how_the_file_is_stored(
    hand: Any, lines: list[str], latin: list[str], form: tuple[str, str, bool, bool], whole: bool
) -> None:
    ends, encoding, final, executable = form
    # One line that no generated one equals; in the file that is not UTF-8 one that shows it.
    around = [*latin, "\xe4\xe4"] if encoding == "latin-1" else lines
    before, after = ([*around, line, "last"] for line in ("<<old>>", "<<new>>"))
    file = hand.folder / "a.txt"
    file.write_bytes(stored(before, ends, encoding, final=final))
    file.chmod(0o750 if executable else 0o640)
    hand.call("read", path="a.txt")
    if whole:
        text = "\n".join(after) + ("\n" if final else "")
        good, said = hand.call("write", path="a.txt", content=text)
    else:
        good, said = hand.call("edit", path="a.txt", old="<<old>>\nlast", new="<<new>>\nlast")
    assert good, said
    assert file.read_bytes() == stored(after, ends, encoding, final=final)
    assert stat.S_IMODE(file.stat().st_mode) == (0o750 if executable else 0o640)


@settings(EXAMPLES, max_examples=60)
@given(
    lines=st.lists(st.text(st.sampled_from("xü→ \t"), max_size=60), min_size=1, max_size=12),
    times=st.integers(1, 600),
)
def test_what_is_cut_is_counted_to_the_byte(hand: Any, lines: list[str], times: int) -> None:
    text = "HEAD\n" + "\n".join(lines * times) + "\nTAIL"
    hand.put("a.txt", text)
    shown = hand.call("bash", command="cat a.txt")[1]
    if shown == text:
        return
    head, cut_lines, cut_bytes, tail = re.split(r"\n?\[… (\d+) lines, (\d+) bytes cut; [^\n]* …\]\n", shown)
    assert text.startswith(head)
    assert text.endswith(tail)
    kept = len(head.encode()) + len(tail.encode())
    assert len(text.encode()) - kept - int(cut_bytes) in (0, 1)  # the line end before the mark is its own
    assert abs(text.count("\n") - shown.count("\n") + 1 - int(cut_lines)) <= 1
    assert kept <= 24_000
    assert len(head.encode()) > 100 < len(tail.encode())


@settings(EXAMPLES, max_examples=40)
@given(lines=st.lists(st.text(st.sampled_from("xü→ "), max_size=90), min_size=1, max_size=9), data=st.data())
def test_windows_of_read_give_the_whole_file(hand: Any, lines: list[str], data: st.DataObject) -> None:
    wanted = lines * data.draw(st.integers(1, 500))
    hand.put("a.txt", "\n".join([*wanted, ""]))
    got: list[str] = []
    offset = 1
    for _ in itertools.repeat(None, len(wanted)):
        limit = data.draw(st.integers(1, 3000))
        good, shown = hand.call("read", path="a.txt", offset=offset, limit=limit)
        assert good
        assert len(shown.encode()) <= 48_200
        *window, last = shown.split("\n")
        more = re.fullmatch(r"\[lines \d+-\d+ of \d+; go on with offset (\d+)\]", last)
        got += window if more else [*window, last]
        if not more:
            break
        offset = int(more[1])
    assert got == [f"{number}\t{line}" for number, line in enumerate(wanted, 1)]
