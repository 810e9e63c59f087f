"""Markdown on its way to Slack: what it becomes, how it is cut, and that it calls nobody."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codebutler.surfaces.cutting import cut, without_long_code
from codebutler.surfaces.slack.blocks import pieces, shortened
from codebutler.surfaces.slack.inbound import Self, plain
from codebutler.surfaces.slack.markup import guarded, letters, mrkdwn
from codebutler.surfaces.wording import prefixed
from codebutler.testing.slack import limits
from codebutler.types import Choice, Outbound

TABLE = "| role | cost |\n|---|--:|\n| pm | $0.01 |\n| **all** | `x` |"


@pytest.mark.parametrize(
    ("markdown", "said"),
    [
        ("**bold** _it_ ~~no~~ `a<b`", "*bold* _it_ ~no~ `a&lt;b`"),
        ("# Title **x**", "*Title x*"),
        ("- a\n  - b\n- c", "• a\n    • b\n• c"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("> a\n> b", "> a\n> b"),
        ("[see](https://a.example/x?a=1&b=2)", "<https://a.example/x?a=1&amp;b=2|see>"),
        ("[run](javascript:alert)", "[run](javascript:alert)"),
        ("![pic](https://a.example/p.png)", "<https://a.example/p.png|pic>"),
        ("<!channel> <@U1> & <b>", "&lt;!channel&gt; &lt;@U1&gt; &amp; &lt;b&gt;"),
        ("```py\na < b\n```", "```\na &lt; b\n```"),
        (TABLE, "```\nrole  cost\n----  -----\npm    $0.01\nall   x\n```"),
        ("---", "———"),
        ("[a|b](https://a.example/>x)", "<https://a.example/%3Ex|a¦b>"),
    ],
)
def test_markdown_as_mrkdwn(markdown: str, said: str) -> None:
    assert mrkdwn(markdown) == said


CALLS = re.compile("<([@#]|!(?!--))")


@given(st.text(alphabet="<!@#>channelU1 `*_[]()\n|", max_size=80))
@settings(max_examples=200, deadline=None)
def test_nobody_is_called(text: str) -> None:
    assert not CALLS.search(mrkdwn(text))
    assert not CALLS.search(re.sub(r"```\n.*?(```|\Z)", "", guarded(text), flags=re.DOTALL))


@pytest.mark.parametrize(
    ("markdown", "safe"),
    [
        ("```ftl\n<#list a as b>${b}</#list>\n```", True),
        ("- so:\n  ```\n  <@macro/>\n  ```\n- <@U1>", False),
        ("```\n<@macro/>", True),
        ("~~~\n<@U1>\n~~~", False),
        ("````\n```\n<@U1>\n````", False),
        ("a\r```\n<@U1>", True),
        ("```\na\n```\n<@U1>", False),
        ("<div>\n```\n<@U1>\n```", False),
    ],
)
def test_code_in_fences_stays_as_it_is(markdown: str, safe: bool) -> None:
    kept = guarded(markdown)
    assert ("<\u200b@U1>" in kept) is not safe
    assert kept.replace("\u200b", "") == markdown.replace("\r", "\n")
    assert "<@macro/>" in kept or "macro" not in markdown


WORDS = st.text(alphabet="abc &;<`\n-#|1.", max_size=600)


@given(WORDS, st.integers(min_value=40, max_value=120))
@settings(max_examples=150, deadline=None)
def test_pieces_fit_and_lose_no_word(text: str, most: int) -> None:
    found = cut(text, most)
    assert all(len(piece) <= most for piece in found)
    if len(text) > most and "`" not in text:
        kept = re.findall("[abc]", "".join(found))
        assert len(kept) == len(re.findall("[abc]", text))


def test_a_fence_is_cut_into_fences() -> None:
    code = "\n".join(f"line {n}" for n in range(50))
    found = cut(f"Before.\n\n```python\n{code}\n```\n\nAfter.", 200)
    assert found[0].startswith("Before.\n\n```python\nline 0\n") or found[1].startswith("```python\nline 0\n")
    assert all(piece.count("```") % 2 == 0 for piece in found)
    assert [
        line for piece in found for line in piece.splitlines() if line.startswith("line")
    ] == code.splitlines()
    assert found[-1].endswith("After.")


@pytest.mark.parametrize("html", ["<!-- a -->", "<!DOCTYPE html>", "<![CDATA[x]]>"])
def test_html_is_left_as_it_is(html: str) -> None:
    assert guarded(f"`{html}` <!here> <@U1>") == f"`{html}` <\u200b!here> <\u200b@U1>"


@pytest.mark.parametrize("before", ["- ", "1. ", "> "])
def test_a_fence_in_a_list_is_closed_where_it_is_cut(before: str) -> None:
    rest = "> " if before == "> " else "   "
    code = "\n".join(f"{rest}line {n}" for n in range(60))
    found = cut(f"{before}see\n{rest}```py\n{code}\n{rest}```\n{before}end", 300)
    assert len(found) > 2
    assert all(len(piece) <= 300 and piece.count("```") % 2 == 0 for piece in found)
    assert re.findall(r"line \d+", "\n".join(found)) == [f"line {n}" for n in range(60)]


def test_a_long_table_has_its_head_in_every_piece() -> None:
    rows = "\n".join(f"| row {n} | {n} |" for n in range(80))
    found = cut(f"| name | count |\n|---|--:|\n{rows}", 300)
    assert len(found) > 3
    assert all(piece.startswith("| name | count |\n|---|--:|\n| row") for piece in found)
    assert re.findall(r"row \d+", "".join(found)) == [f"row {n}" for n in range(80)]
    assert all(len(piece) <= 300 for piece in found)


@pytest.mark.parametrize(
    "text", ["`" * 300, "~" * 300 + "\na", "```" + "x" * 300, "> " + "`" * 300, "- ```\n" * 99]
)
def test_a_fence_without_end_has_an_end(text: str) -> None:
    assert all(len(piece) <= 100 for piece in cut(text, 100))


@pytest.mark.parametrize(("lines", "out"), [(19, 0), (20, 1)])
def test_code_of_twenty_lines_is_a_file(lines: int, out: int) -> None:
    code = "x = 1\n" * lines
    text, snippets = without_long_code(f"See:\n\n```py\n{code}```\n", "mark")
    assert len(snippets) == out
    assert ("```" in text) == (out == 0)
    if out:
        assert (snippets[0].language, snippets[0].code) == ("python", code)
        assert without_long_code(f"See:\n\n```py\n{code}```\n", "mark")[1] == snippets


@given(
    st.text(max_size=400), st.sampled_from(["", "pm", "coder"]), st.sampled_from(["text", "plan", "choices"])
)
@settings(max_examples=150, deadline=None)
def test_whatever_a_model_writes_slack_takes_it(text: str, role: str, kind: str) -> None:
    """Checked by the twin's own limits."""
    choices = [Choice(action="answer", label=text, value=text * 30)] if text else []
    message = Outbound.model_validate({"text": text * 40, "role": role, "kind": kind, "choices": choices})
    for piece in pieces(message, conversation="C1:1.2", mark="m"):
        limits.message({"text": piece.text, "blocks": piece.blocks})
        limits.message({"text": piece.text, "blocks": piece.plain})


def test_no_entity_is_torn() -> None:
    words = shortened("&amp;" * 2_000, 301)
    assert re.fullmatch(r"(&amp;)+ …", words)


@pytest.mark.parametrize(
    ("text", "said"),
    [("Done.", "**PM:** Done."), ("## Plan", "**PM:**\n\n## Plan"), ("1. a", "**PM:**\n\n1. a")],
)
def test_a_role_stands_in_front(text: str, said: str) -> None:
    assert prefixed(Outbound(text=text, role="pm")) == said


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("<@UBOT> fix &lt;b&gt; &amp; go", "fix <b> & go"),
        ("<@UBOT>, stop", "stop"),
        ("<@UBOT|codebutler>: merge", "merge"),
        ("<@UBOT> :+1:", ":+1:"),
        ("<@UBOT>\n- a\n- b", "- a\n- b"),
        ("ask <@U2|kim> in <#C1|dev>", "ask @kim in #dev"),
        ("<!here> see <https://a.example>", "@here see https://a.example"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("a < b", "a < b"),
    ],
)
def test_what_people_write_reads_as_they_saw_it(raw: str, said: str) -> None:
    assert plain(raw, Self("UBOT", "B1")) == said


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("see https://a.example/x?y=1&amp;z=2", "see <https://a.example/x?y=1&amp;z=2>"),
        (
            "<https://a.example/|here> and a.example",
            "<https://a.example/|here> and <http://a.example|a.example>",
        ),
        ("mail kim@a.example", "mail <mailto:kim@a.example|kim@a.example>"),
        ("done ✅ *well*", "done :white_check_mark: *well* "),
        ("&lt;b&gt;", "<b>"),
    ],
)
def test_words_are_known_however_a_server_keeps_them(sent: str, kept: str) -> None:
    assert letters(sent) == letters(kept)


def test_other_words_are_others() -> None:
    texts = ["line 1", "line 2", "<https://a.example|x>", "<https://a.example|y>", "…", "!"]
    assert len({letters(text) for text in texts}) == len(texts)


def test_short_code_that_would_end_its_fence_becomes_a_file() -> None:
    text, snippets = without_long_code("See:\n\n````md\n```py\nx\n```\n````\nend", "mark")
    assert [each.code for each in snippets] == ["```py\nx\n```\n"]
    assert text == f"See:\n\n_(3 lines: `{snippets[0].name}`)_\nend"
    assert without_long_code("```\nx\n```", "mark") == ("```\nx\n```", [])


@pytest.mark.parametrize("odd", ["\u2028", "\x0c", "\x85", "\x0b", "\r"])
def test_no_character_moves_the_lines_that_are_cut(odd: str) -> None:
    """Not all that str.splitlines takes for the end of a line is one: with it the rest would be lost."""
    start = f"one{odd}two{odd}three\n\n"
    lines = [f"Paragraph {n} of many." for n in range(40)]
    whole = "\n\n".join(cut(start + "\n\n".join(lines), 200))
    assert [line for line in lines if line not in whole] == []
    code = "\n".join(f"x{n}" for n in range(30))
    text, [snippet] = without_long_code(f"{start}```py\n{code}\n```\n\nend", "m")
    assert (snippet.code, text.split("\n")[-1], "x29" in text) == (f"{code}\n", "end", False)


def test_where_links_lead_is_told_when_a_text_is_cut() -> None:
    found = cut(f"See [the tariff][1].\n\n{'word ' * 60}\n\n[1]: https://example.com/tariff\n\nEnd.", 200)
    assert "[1] https://example.com/tariff" in "\n".join(found)
    assert found[-1].endswith("End.")


def test_a_person_of_several_signs_is_not_cut_in_two() -> None:
    family = "\N{WOMAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    found = cut(f"a{family * 50}", 100)
    assert "".join(found) == f"a{family * 50}"
    assert all(piece.endswith(family) for piece in found)
