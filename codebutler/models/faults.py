"""What a provider's failure means, in a person's words: wait and retry, or mend something first."""

from __future__ import annotations

import email.utils
import json
import math
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from codebutler.errors import ContextTooLong, ModelError, ModelRefused, ModelUnavailable
from codebutler.models.daily import until_free
from codebutler.models.routing import Route
from codebutler.models.sayings import one_line, page_text, parsed, read

_TRANSIENT = frozenset({408, 409, 425, 429})
_LATE = frozenset({504, 524})
"""A gateway gave up waiting: the model behind it may have thought all the while, and be billed."""
_TOO_LONG = re.compile(
    r"context[ _](?:length|window)|maximum context|exceeds? .{0,40}context"
    r"|too many (?:input )?tokens|(?:prompt|input) is too long"
    r"|token count .{0,40}exceeds? the maximum|exceeds? the maximum number of tokens"
)
_NO_CREDIT = re.compile(
    r"insufficient[ _](?:quota|credits?|funds|balance)|exceeded your current quota|billing"
    r"|credit balance is too low"
)
_EMPTY = re.compile(r"insufficient[ _]|credit balance is too low")
_SOON = re.compile(r"(?:re)?try(?: again)? in \d")
_PASSING = re.compile(rf"rate[_ ]?limit|{_SOON.pattern}")
_NO_MODEL = re.compile(
    r"model.{0,80}(?:not found|does not exist|not exist|unknown)"
    r"|(?:not a valid|unknown|invalid) model|model_not_found"
)
_NO_TOOLS = re.compile(
    r"(?:not|n't) support (?:tool|function)|support tool use|tools? (?:is|are) not supported"
)
_OF_A_MINUTE = re.compile(r"request too large.{0,300}\b(?:tpm\b|tokens per min)")
"""One request alone has more tokens than a minute may have: to wait mends nothing."""
_SLIP = re.compile(
    r"tool_use_failed|failed to call a function|failed to parse input at pos"
    r"|(?:error|failed) (?:to parse|parsing) (?:tool|function) call"
)
"""The model's call came out crooked, and the server (Groq, Ollama, llama.cpp) refuses to pass it on."""
_KINDS = (
    (re.compile(r"authentication|api[_ ]?key|unauthori[sz]ed"), 401),
    (re.compile(r"quota|billing|credit"), 402),
    (re.compile(r"permission|forbidden"), 403),
    (re.compile(r"not[_ ]?found"), 404),
    (re.compile(r"rate[_ ]?limit|too many"), 429),
    (re.compile(r"overloaded|unavailable"), 503),
    (re.compile(r"invalid[_ ]?request|bad[_ ]?request|context_length"), 400),
)
"""What codes and types of errors mean that come under status 200."""
_WORDS = 100
"""Characters of a code that are looked at."""


def from_status(status: int, body: Any, headers: Mapping[str, str], route: Route) -> ModelError:  # noqa: ANN401
    """The error for an HTTP status (or a status inside a stream) with its parsed ``body``."""
    code, said = read(body, route.endpoint)
    if code == "scenario_mismatch":
        return ModelRefused(said)
    if status in {413, 429} and _OF_A_MINUTE.search(said.lower()):
        return _too_large(route, said)
    if status == 429 and (wait := _until_free(said, body, headers)) is not None:
        return ModelUnavailable(
            f"{route.endpoint.label} gives no more such calls today: {said}", retry_after=wait
        )
    if status == 429 and _is_spent(f"{code} {said}".lower(), headers):
        return _no_credit(route, said)
    if (status == 400 or status >= 500) and _SLIP.search(f"{code} {said}".lower()):
        return _slipped(route, said)
    if status in _TRANSIENT or status >= 500:
        return _unavailable(status, said, headers, route)
    return _refused(status, code, said, route)


def _until_free(said: str, body: Any, headers: Mapping[str, str]) -> float | None:  # noqa: ANN401
    """Seconds that a limit of a day lasts, unless the server says itself when to come back."""
    passes = retry_after(headers) is not None or _SOON.search(said.lower()) is not None
    return None if passes else until_free(said, body, time.time())


def _is_spent(text: str, headers: Mapping[str, str]) -> bool:
    """Whether a 429 means that there is no credit. What says when to come back is a limit that passes: such
    answers often name billing as well, as the way to a higher limit.
    """
    if _EMPTY.search(text):
        return True
    passes = retry_after(headers) is not None or _PASSING.search(text) is not None
    return not passes and _NO_CREDIT.search(text) is not None


def from_answer(status: int, said: bytes, headers: Mapping[str, str], route: Route) -> ModelError:
    """The error for an HTTP answer: JSON, text, or the page of a proxy on the way."""
    if 300 <= status < 400:
        return _elsewhere(status, headers.get("Location", ""), route)
    return from_status(status, parsed(said), headers, route)


def raise_inner(piece: Any, route: Route) -> None:  # noqa: ANN401 - whatever JSON came in
    """Raise the error that stands inside an answer of status 200, if one does."""
    if not isinstance(piece, dict):
        return
    error = piece.get("error") or (piece if piece.get("object") == "error" else None)
    if not error:
        return
    status = status_in(error)
    if status:
        raise from_status(status, error, {}, route)
    _, said = read(error, route.endpoint)
    raise ModelUnavailable(f"{route.endpoint.label} answered with an error{f': {said}' if said else ''}")


def status_in(error: Any) -> int:  # noqa: ANN401 - whatever came in
    """The HTTP status that an error's code or type stands for; 0 if neither says."""
    if isinstance(error, str):  # LM Studio says so of an address without its /v1
        return 404 if error.lower().startswith("unexpected endpoint") else 0
    if not isinstance(error, dict):
        return 0
    for told in (error.get("code"), error.get("status"), error.get("type")):
        text = str(told)[:_WORDS].lower() if type(told) in {int, str} else ""
        if text.isascii() and text.isdecimal() and 400 <= int(text) < 600:
            return int(text)
        for words, status in _KINDS:
            if words.search(text):
                return status
    return 0


def odd(piece: Any, route: Route) -> str:  # noqa: ANN401 - whatever came in
    """What came in place of a reply, to be quoted."""
    return one_line(piece if isinstance(piece, str) else json.dumps(piece), route.endpoint)


def no_api(route: Route, page: bytes) -> ModelRefused:
    """A web page came where a reply should be."""
    title = one_line(page_text(page.decode("utf-8", "replace")), route.endpoint)
    return ModelRefused(
        f"{route.endpoint.label} answered with a web page{f': {title}' if title else ''}",
        fix=f"Check the base URL {route.endpoint.base_url} (most end in /v1), and any proxy on the way",
    )


def broken(route: Route, why: str, *, fix: str = "") -> ModelUnavailable:
    """The connection or the answer broke; ``why`` completes "<server> …"."""
    error = ModelUnavailable(f"{route.endpoint.label} {one_line(why, route.endpoint)}", fix=fix)
    error.cut = True
    return error


def silent(route: Route, why: str, *, sent: bool) -> ModelUnavailable:
    """As ``broken``, for an answer that did not come in time. If the request was ``sent``, a model may have
    thought all the while, and its provider wants that paid."""
    error = broken(route, why)
    error.silent, error.paid, error.cut = True, sent, sent
    return error


def too_much(route: Route, limit: int) -> ModelRefused:
    """The answer has no end. Whoever sends so much may want it paid."""
    error = ModelRefused(f"{route.id} answered with more than {limit >> 20} MB", fix="Try another model")
    error.paid = True
    return error


def unreachable(route: Route, why: str, *, fix: str = "") -> ModelUnavailable:
    """There is no connection."""
    base = route.endpoint.base_url or ""
    return ModelUnavailable(
        f"{route.endpoint.label} cannot be reached: {one_line(why, route.endpoint)}",
        fix=fix or f"Check the network{base and f' and the address {base}'}",
    )


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """The provider's wish in seconds, from either header it may stand in."""
    millis = _seconds(headers.get("retry-after-ms", ""))
    if millis is not None:
        return millis / 1000
    value = headers.get("retry-after", "").strip()
    seconds = _seconds(value)
    if seconds is not None or not value:
        return seconds
    try:
        when = email.utils.parsedate_to_datetime(value).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
    return max(0.0, when - (time.time() if now is None else now))


def _seconds(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _unavailable(status: int, said: str, headers: Mapping[str, str], route: Route) -> ModelUnavailable:
    what = "limits how often it may be called" if status == 429 else f"has a problem (status {status})"
    detail = f": {said}" if said else ""
    error = ModelUnavailable(f"{route.endpoint.label} {what}{detail}", retry_after=retry_after(headers))
    error.paid = status in _LATE
    return error


def _too_large(route: Route, said: str) -> ContextTooLong:
    return ContextTooLong(
        f"{route.endpoint.label} takes no request as large as this for {route.id}: {said}",
        fix="Ask for a higher limit there, choose another model, or start a new thread",
    )


def _slipped(route: Route, said: str) -> ModelUnavailable:
    """A model does not write the same twice: what is asked again mostly comes out right."""
    error = ModelUnavailable(
        f"{route.endpoint.label} could not read the tool call of {route.id}{f': {said}' if said else ''}",
        fix="A model that is better at tools helps",
    )
    error.answered = True
    return error


def _refused(status: int, code: str, said: str, route: Route) -> ModelRefused:
    """Each refusal with its own message and fix."""
    label, text = route.endpoint.label, f"{code} {said}".lower()
    detail = f": {said}" if said else ""
    if status == 401:
        return bad_key(route, said)
    if status == 402 or _NO_CREDIT.search(text):
        return _no_credit(route, said)
    if status == 413 or _TOO_LONG.search(text):
        return ContextTooLong(
            f"the conversation is too long for {route.id}{detail}",
            fix="Choose a model with a larger context window, or start a new thread",
        )
    if _NO_TOOLS.search(text):
        return ModelRefused(f"{route.id} cannot call tools{detail}", fix="Choose a model that can")
    if _NO_MODEL.search(text):
        return _no_model(route, said)
    if status == 403:
        return ModelRefused(
            f"{label} does not allow this{detail}",
            fix=f"Check that the key may use {route.id}, or choose another model",
        )
    if status == 404:
        base = route.endpoint.base_url
        return ModelRefused(
            f"{label} knows neither {route.id} nor this address (status 404){detail}",
            fix="Check the model id" + (f", and the base URL {base} (most end in /v1)" if base else ""),
        )
    return ModelRefused(
        f"{label} refused the request for {route.id} (status {status}){detail}",
        fix="Another model may take it; codebutler logs shows what was sent",
    )


def bad_key(route: Route, said: str) -> ModelRefused:
    """The key is missing, or the server does not take it."""
    endpoint = route.endpoint
    detail = f": {said}" if said else ""
    if endpoint.key is None:
        return ModelRefused(f"{endpoint.label} wants an API key{detail}", fix="Set OPENAI_API_KEY to its key")
    return ModelRefused(
        f"{endpoint.label} does not accept the API key{detail}",
        fix=f"Put a valid key into {endpoint.key_from}",
    )


def _no_credit(route: Route, said: str) -> ModelRefused:
    return ModelRefused(
        f"{route.endpoint.label} says that there is no credit left{f': {said}' if said else ''}",
        fix="Add credit there, or choose another provider or a cheaper model",
    )


def _no_model(route: Route, said: str) -> ModelRefused:
    return ModelRefused(
        f"{route.endpoint.label} has no model {route.model}{f': {said}' if said else ''}",
        fix="Mend the id: codebutler doctor shows where each role's model comes from",
    )


def _elsewhere(status: int, location: str, route: Route) -> ModelRefused:
    """A redirect: it is not followed, as the key would go along."""
    host = urlsplit(location).netloc.rpartition("@")[2]
    where = f" to {one_line(host, route.endpoint)}" if host else ""
    return ModelRefused(
        f"{route.endpoint.label} sends us elsewhere{where} (status {status}); the key is not taken there",
        fix=f"If that is right, put that address in place of {route.endpoint.base_url or 'its own'}",
    )
