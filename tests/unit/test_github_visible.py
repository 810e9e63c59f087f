"""What a page does not show is not read: each way to hide words in markdown, and what must stay."""

from __future__ import annotations

import pytest

from codebutler.surfaces.github.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!-- hid -->a", "a"),
        ("<?x hid ?>a", "a"),
        ("<![CDATA[ hid ]]>a", "a"),
        ("<!DOCTYPE hid>a", "a"),
        ('<a title="x > hid">b</a>', "b"),
        ("<a title='<b hid'>b", "b"),
        ('<img alt="a\n> hid">b', "b"),
        ("![hid](u)a", "a"),
        ("![x [y] hid](u)a", "a"),
        ("![hid]\n\n[hid]: u", ""),
        ('![a](u/(y) "hid")a', "a"),
        ('[a](http://x/(y) "hid")', "[a](http://x/(y))"),
        ("[a](http://x (hid))", "[a](http://x)"),
        ('[x]: http://a\n  "hid"\nb', "b"),
        ('[x]:\n http://a "hid"\nb', "b"),
        ("[//]: # (hid)\nb", "b"),
        ("[x]: u 'hid\nhid'\nb", "b"),
        ("[^x]: hid\nhid\n    hid\n\nb", "b"),
        ("a\u200bb\U000e0041c", "abc"),
        ("a [b](c) d", "a [b](c) d"),
        ("x < y and y > z", "x < y and y > z"),
        ("- [ ] todo [c1] a.py:1", "- [ ] todo [c1] a.py:1"),
        ("see [docs]: it is", "see [docs]: it is"),
    ],
)
def test_only_what_the_page_shows_is_read(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("piece", ['<a "', "[", "![", "[a]:", "](", "[^a]:\n", "<a '", "<?", "![[]", "![\\"])
def test_text_made_to_be_slow_is_read_as_well(piece: str) -> None:
    assert "hid" not in visible(piece * (60_000 // len(piece)) + "<!-- hid -->")
