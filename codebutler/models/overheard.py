"""What a server really sends behind the litellm package, which keeps some of it to itself, or makes it up.

Its price of a call is the package's own, by its own list and the model that the server names; what a broken
answer took is lost, and so are the body of an error, a page in place of an answer, and the mark of the end.
So each HTTP answer to a call is heard on its way: what it says of tokens and dollars, and how it began.
Servers that speak in binary frames (Bedrock) are not understood: for them the package's figures stand.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from codebutler.models import bill
from codebutler.models.bill import Told
from codebutler.models.lenient import loads
from codebutler.models.sse import Events, EventTooLarge
from codebutler.models.unpacking import NotUnpacked, Unpacker
from codebutler.types import Json

if TYPE_CHECKING:
    import httpx

_BEGUN = 64 * 1024
"""Bytes that are kept of how an answer begins; a whole completion may be longer, and is kept whole."""
_EVENT = 4 * 1024 * 1024
"""Bytes of one event that is still looked into."""
_WHOLE = 32 * 1024 * 1024
_DONE = b"[DONE]"
_PIECE, _ENDED = b'"candidates"', b'"finishReason"'
"""In Gemini's form. Inside of a text their quotes would be escaped."""
_CACHED, _WRITTEN = "cache_read_input_tokens", "cache_creation_input_tokens"


class Overheard:
    """One answer, as it passes."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self.sent = False
        """A request is on its way."""
        self.status = 0
        """0: no server has answered."""
        self.headers: Mapping[str, str] = {}
        self.begun = bytearray()
        self.done = False
        """The server said that its stream is whole."""
        self.fault: Json | None = None
        """The error that stood in place of a piece."""
        self.ended: bool | None = None
        """Whether Gemini has said how its answer ended: the package says so of any. None: not Gemini."""
        self._events: Events | None = Events(_EVENT)
        self._unpack: Unpacker | None = None
        self._told = Told()
        self._claude: Json = {}
        """Figures in Anthropic's form: they come in parts, at the start and at the end."""

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """A server begins to answer. One call may ask twice, for a token first: the last answer counts."""
        self.status, self.headers = status, headers
        self.begun, self.done, self.fault, self.ended = bytearray(), False, None, None
        packed = headers.get("content-encoding", "identity").strip().lower()
        self._unpack = Unpacker.of(packed)
        self._events = Events(_EVENT) if packed in {"", "identity"} or self._unpack is not None else None

    @property
    def deaf(self) -> bool:
        """Whether some of the answer was not understood: it is packed in another way, or too large."""
        return self._events is None

    def take(self, piece: bytes) -> None:
        """Some bytes of the body."""
        if self._events is None:
            return
        try:
            said = piece if self._unpack is None else self._unpack.feed(piece)
            room = (_BEGUN if self.streams else _WHOLE) - len(self.begun)
            self.begun += said[: max(0, room)]
            for data in self._events.feed(said):
                self._event(data)
        except (EventTooLarge, NotUnpacked):
            self._events = None

    @property
    def streams(self) -> bool:
        """Whether the answer calls itself a stream of events."""
        return self.headers.get("content-type", "").startswith("text/event-stream")

    @property
    def whole(self) -> Any:  # noqa: ANN401 - whatever JSON came in
        """The one JSON value that the body is; None if it is none."""
        try:
            return loads(self.begun) if self.begun.lstrip()[:1] == b"{" else None
        except (ValueError, RecursionError):
            return None

    def told(self, said: Told) -> Told:
        """The server's own figures; ``said`` are the package's, for what the server did not say.

        The package's price is never one: it reckons it by a list.
        """
        mine = self._told
        body = self.whole
        if isinstance(body, dict):
            mine = bill.read(body.get("usage"), mine)
        if self._claude:
            mine = bill.read(_in_openais_form(self._claude), mine)
        return Told(
            input=said.input if mine.input is None else mine.input,
            output=said.output if mine.output is None else mine.output,
            cached=mine.cached or said.cached,
            written=mine.written or said.written,
            usd=mine.usd,
        )

    def _event(self, data: bytes) -> None:
        if data.strip() == _DONE:
            self.done = True
        if _PIECE in data:
            self.ended = self.ended or _ENDED in data
        if b'"usage"' not in data and b'"error"' not in data:
            return
        try:
            event = loads(data)
        except (ValueError, RecursionError):
            return  # the package meets it as well, and says so
        if not isinstance(event, dict):
            return
        if event.get("error"):
            self.fault = event
        message = event.get("message")
        if event.get("type") == "message_start" and isinstance(message, dict):
            self._count_claude(message.get("usage"), {"input_tokens", _CACHED, _WRITTEN})
        elif event.get("type") == "message_delta":
            self._count_claude(event.get("usage"), {"input_tokens", "output_tokens", _CACHED, _WRITTEN})
        else:
            self._told = bill.read(event.get("usage"), self._told)

    def _count_claude(self, usage: Any, names: set[str]) -> None:  # noqa: ANN401 - whatever JSON came in
        """At the start the reply's own tokens are not yet counted."""
        if isinstance(usage, dict):
            self._claude |= {name: usage[name] for name in names & usage.keys()}


def _in_openais_form(told: Json) -> Json:
    parts = [told.get(name) for name in ("input_tokens", _CACHED, _WRITTEN)]
    sizes = [size if type(size) is int and size > 0 else 0 for size in parts]
    return {
        "prompt_tokens": sum(sizes) if sizes[0] or sizes[1] else None,
        "completion_tokens": told.get("output_tokens"),
        "prompt_tokens_details": {"cached_tokens": sizes[1], "cache_write_tokens": sizes[2]},
    }


_listening: ContextVar[Overheard | None] = ContextVar("overheard", default=None)


@contextmanager
def listening() -> Iterator[Overheard]:
    """What the answers to calls of this block say."""
    heard = Overheard()
    token = _listening.set(heard)
    try:
        yield heard
    finally:
        _listening.reset(token)


async def depart(request: httpx.Request) -> None:
    """httpx's hook for each request: what is packed on its way is harder to hear, so it asks for plain."""
    request.headers["Accept-Encoding"] = "identity"
    heard = _listening.get()
    if heard is not None:
        heard.sent = True


async def attend(response: httpx.Response) -> None:
    """httpx's hook for each answer, before its body is read."""
    import httpx

    heard = _listening.get()
    if heard is None or not isinstance(response.stream, httpx.AsyncByteStream):
        return
    heard.answered(response.status_code, {k.lower(): v for k, v in response.headers.items()})
    stream, ear = response.stream, heard

    class Passing(httpx.AsyncByteStream):
        """The body, heard."""

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in stream:
                ear.take(piece)
                yield piece

        async def aclose(self) -> None:
            await stream.aclose()

    response.stream = Passing()
