"""What a server says of a failure, as people can be shown it: one line, bounded, without the key."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from codebutler.models.endpoints import Endpoint
from codebutler.models.lenient import loads
from codebutler.redact import Redactor

_SHOWN = 400
"""Characters."""
_LOOKED, _KEY = 16_000, 400
"""Characters that are looked at of a saying, and of the longest key: a server may send megabytes, in which
what looks for keys would take seconds."""
_PAGE, _CODE = 64_000, 100
"""Characters that are looked at of a web page, and that are left of an error's code."""


def parsed(said: bytes) -> Any:  # noqa: ANN401 - whatever came in
    """The body of an answer: its JSON, or its text, also of a page."""
    text = said.decode("utf-8", "replace")
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return page_text(text) if text.lstrip().startswith("<") else text


def page_text(text: str) -> str:
    """What a web page says: its title, else its text."""
    text = text[:_PAGE]
    title = re.search(r"<title[^<>]*>([^<]*)", text, re.IGNORECASE)
    if title and title[1].strip():
        return html.unescape(title[1])
    return html.unescape(
        re.sub(r"<(script|style)\b.*?(?:</\1>|\Z)|<[^>]*>?", " ", text, flags=re.IGNORECASE | re.DOTALL)
    )


def read(body: Any, endpoint: Endpoint) -> tuple[str, str]:  # noqa: ANN401 - whatever came in
    """(code, message) of an error body, in the shapes that servers use."""
    if isinstance(body, str):
        return "", one_line(body, endpoint)
    if not isinstance(body, dict):
        return "", ""
    inner = body.get("error", body)
    if not isinstance(inner, dict):
        return "", one_line(str(inner), endpoint)
    code = inner.get("code") or inner.get("type") or ""
    message = inner.get("message") or inner.get("detail") or (inner if "choices" not in inner else "")
    if not isinstance(message, str):
        message = json.dumps(message) if message else ""
    message = ": ".join(filter(None, [message, _upstream(inner.get("metadata"))]))
    if code == "scenario_mismatch":  # our own test server: its words matter as they are
        return code, message
    return str(code)[:_CODE], one_line(message, endpoint)


def _upstream(metadata: Any) -> str:  # noqa: ANN401 - whatever came in
    """What the server behind a router of models said, as OpenRouter passes it on."""
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if not isinstance(raw, str):
        return ""
    try:
        inner = loads(raw)
    except (ValueError, RecursionError):
        return raw
    error = inner.get("error", inner) if isinstance(inner, dict) else inner
    said = error.get("message") if isinstance(error, dict) else error
    return said if isinstance(said, str) else raw


def one_line(text: str, endpoint: Endpoint) -> str:
    """A stranger's text, fit to be shown: one line, bounded, without the key."""
    redactor = Redactor([endpoint.key.get_secret_value()] if endpoint.key else [])
    said = redactor.text(text[:_LOOKED])
    printable = "".join(c for c in " ".join(said.split()) if c.isprintable())
    if len(text) > _LOOKED:
        printable = printable[:-_KEY]  # half a key would not be known as one
    printable = redactor.text(printable)  # signs that nobody sees may have stood within one
    return printable if len(printable) <= _SHOWN else printable[: _SHOWN - 1] + "…"
