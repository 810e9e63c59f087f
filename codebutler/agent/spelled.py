"""Tool calls that a model writes out as text: its server has no parser for them, or they came out crooked."""

from __future__ import annotations

import re

_CALL = re.compile(
    r"(?<!`)(?:<tool_call>\s{0,100}(?:\{|<function=)|<function=[\w.:-]+\s{0,10}[>{]"
    r"|\[TOOL_CALLS\]\s{0,10}[\[{\w]|<[|\uff5c]tool[_\u2581]calls?(?:_section)?[_\u2581]begin[|\uff5c]>"
    r"|<\|python_tag\|>)"
)
"""How a call begins in the templates of Qwen, Hermes, Llama, Mistral, Kimi and DeepSeek."""
_FENCE = "```"


def spelled(text: str) -> bool:
    """Whether a call stands in ``text`` that nobody has made. One in code is only shown."""
    return any(text.count(_FENCE, 0, found.start()) % 2 == 0 for found in _CALL.finditer(text))
