"""Markdown as Slack reads it: its own mrkdwn, and what a markdown block must not hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from codebutler.surfaces.cutting import aligned, parser

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

_CALLS = re.compile(r"<(?=[@#]|!(?!--|doctype\b|\[cdata\[))", re.IGNORECASE)
"""How Slack's own notation calls people: <!channel>, <@U…>, <#C…>. HTML that looks like it calls nobody."""
_BREAK = "\u200b"
"""No width: it takes a notation apart, and nobody sees it."""
_NOTATION = re.compile(r"<([^<>\s|][^<>|]*)(?:\|([^<>]*))?>")
_EMOJI = re.compile(r":[a-z0-9_+'-]+:")


def guarded(markdown: str) -> str:
    """Markdown for a markdown block in which nobody is called. Code in plain fences stays as it is.

    What begins the same is guarded the same, so that a text can be shown as it grows.
    """
    if not _CALLS.search(markdown):
        return markdown
    lines = markdown.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    code = _fenced("\n".join(lines))
    return "\n".join(line if n in code else _CALLS.sub(f"<{_BREAK}", line) for n, line in enumerate(lines))


def _fenced(markdown: str) -> set[int]:
    """Lines of code, where no reader of markdown could see anything else."""
    found: set[int] = set()
    for token in parser().parse(markdown):
        if token.type == "fence" and token.map and token.markup == "```" and "```" not in token.content:
            found.update(range(token.map[0] + 1, token.map[1]))
    return found


def escaped(text: str) -> str:
    """Plain text for mrkdwn: the three characters with a meaning, as Slack wants them."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescaped(text: str) -> str:
    """What Slack escaped, as people wrote it."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def letters(text: str) -> str:
    """What a message says, whatever a server makes of its links, escapes and emoji: letters and figures.

    Two messages of which it is the same are told from each other by nothing that servers keep as it was.
    """
    words = _NOTATION.sub(lambda found: found[2] or found[1].removeprefix("mailto:"), unescaped(text))
    return re.sub(r"[\W_]", "", _EMOJI.sub("", words)) or text.strip()


def mrkdwn(markdown: str) -> str:
    """Markdown as mrkdwn. Tables become aligned code, headings bold lines."""
    from markdown_it.tree import SyntaxTreeNode

    return "\n\n".join(_blocks(SyntaxTreeNode(parser().parse(markdown)).children))


def _blocks(nodes: Sequence[SyntaxTreeNode]) -> list[str]:
    return [text for node in nodes if (text := _block(node)).strip()]


def _block(node: SyntaxTreeNode) -> str:
    if node.type in _BLOCKS:
        return _BLOCKS[node.type](node)
    if node.type == "inline":
        return _inline(node)
    return escaped(node.content) if node.type == "html_block" else "\n".join(_blocks(node.children))


def _heading(node: SyntaxTreeNode) -> str:
    words = _inline(node).replace("*", "").strip()
    return f"*{words}*" if words else ""


def _fence(node: SyntaxTreeNode) -> str:
    return _code(node.content.rstrip("\n"))


def _code(text: str) -> str:
    return f"```\n{escaped(text.replace('```', f'`{_BREAK}``'))}\n```"


def _quote(node: SyntaxTreeNode) -> str:
    inside = "\n\n".join(_blocks(node.children))
    return "\n".join(f"> {line}" for line in inside.splitlines())


def _list(node: SyntaxTreeNode) -> str:
    lines = []
    start = int(node.attrs.get("start", 1))
    for number, item in enumerate(node.children, start):
        mark = f"{number}." if node.type == "ordered_list" else "•"
        first, *rest = "\n".join(_blocks(item.children)).splitlines() or [""]
        lines += [f"{mark} {first}", *(f"    {line}" for line in rest)]
    return "\n".join(lines)


def _table(node: SyntaxTreeNode) -> str:
    return _code(aligned(node))


def _rule(_node: SyntaxTreeNode) -> str:
    return "———"


_BLOCKS: Mapping[str, Callable[[SyntaxTreeNode], str]] = {
    "heading": _heading,
    "fence": _fence,
    "code_block": _fence,
    "blockquote": _quote,
    "bullet_list": _list,
    "ordered_list": _list,
    "table": _table,
    "hr": _rule,
}
_AROUND = {"strong": "*", "em": "_", "s": "~"}


def _inline(node: SyntaxTreeNode) -> str:
    return "".join(_span(child) for child in node.children)


def _span(node: SyntaxTreeNode) -> str:
    if node.type in _AROUND:
        mark, inside = _AROUND[node.type], _inline(node)
        return f"{mark}{inside}{mark}" if inside.strip() else inside
    if node.type == "code_inline":
        return f"`{escaped(node.content)}`"
    if node.type in {"softbreak", "hardbreak"}:
        return "\n"
    if node.type == "link":
        return _link(str(node.attrs.get("href", "")), _inline(node))
    if node.type == "image":
        return _link(str(node.attrs.get("src", "")), escaped(node.content))
    return escaped(node.content) if not node.children else _inline(node)


def _link(url: str, words: str) -> str:
    """A link whose address cannot end it, and which is one that people expect."""
    if not url.startswith(("http://", "https://", "mailto:")):
        return words
    safe = quote(url, safe="%/:=&?~#+!$,;'@()*[]-._").replace("&", "&amp;")
    return f"<{safe}|{words.replace('|', '¦')}>" if words.strip() else f"<{safe}>"
