"""How an answer ended: servers have words of their own, and half an answer must not pass for a whole one."""

from __future__ import annotations

_WORD = 60
"""Characters of a word for it that is not known: it goes into the log."""
_KNOWN = {
    "length": ("max_tokens", "model_length", "max_length", "max_output_tokens"),
    "content_filter": (
        "content_filtered", "safety", "recitation", "blocklist", "prohibited_content", "spii", "sensitive",
        "image_safety", "guardrail_intervened",
    ),
    "error": (
        "abort", "aborted", "cancelled", "canceled", "insufficient_system_resource", "network_error",
        "timeout", "malformed_function_call",
    ),
}  # fmt: skip
"""OpenAI's word, and others' for the same: cut at its limit, kept back by a filter, broken off."""
_PLAIN = {word: plain for plain, words in _KNOWN.items() for word in (plain, *words)}


def plain(reason: str) -> str:
    """OpenAI's word for an answer that is not whole, in any case; else ``reason``, if it can be a word."""
    known = _PLAIN.get(reason[: _WORD + 1].lower())
    if known:
        return known
    return reason if len(reason) <= _WORD and reason.isascii() and reason.isprintable() else "unknown"
