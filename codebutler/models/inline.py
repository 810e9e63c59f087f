"""Thoughts that stand in the text itself, as servers without a parser for them hand them on."""

from __future__ import annotations

_TAGS = ("<think>", "<thinking>")
"""Only what an answer begins with: further on it is a person's example of such a tag, or code."""


class Inline:
    """Feed it the text of an answer, piece by piece."""

    def __init__(self) -> None:
        """At the beginning."""
        self.held = ""
        """What may still become a tag: text, if nothing more comes."""
        self._end: str | None = None
        """The tag that ends the thoughts; "" once it is known that all is text."""
        self._blank = False
        """Thoughts have ended, and no word has come since."""

    def split(self, text: str) -> tuple[str, str]:
        """What of ``text`` is for people, and what was thought."""
        if self._end == "":
            shown = text.lstrip() if self._blank else text
            self._blank = self._blank and not shown
            return shown, ""
        self.held += text
        if self._end is None:
            begun = self.held.lstrip()
            tag = next((tag for tag in _TAGS if begun.startswith(tag)), None)
            if tag is None:
                if any(each.startswith(begun) for each in _TAGS):
                    return "", ""
                return self._let_go(), ""
            self._end = "</" + tag[1:]
            self.held = begun[len(tag) :]
        thought, end, rest = self.held.partition(self._end)
        if end:
            self._end, self.held, self._blank = "", "", not rest.strip()
            return rest.lstrip(), thought
        keep = len(self._end) - 1
        thought, self.held = self.held[:-keep], self.held[-keep:]
        return "", thought

    @property
    def left(self) -> str:
        """What is text after all, as nothing more came."""
        return self.held if self._end is None else ""

    def _let_go(self) -> str:
        text, self.held, self._end = self.held, "", ""
        return text
