"""The way to a server in the sandbox: lines of JSON over its pipes, as streams of the mcp package."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from codebutler.sandbox.guest import Guest
from codebutler.servers.trimmed import Trimmed
from codebutler.servers.ways import LIST, LISTING, TOO_LONG_A_LIST, TOO_MUCH, Ended, Way

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared.message import SessionMessage

_CLOSED, _INTERNAL = -32000, -32603
"""What the package says of a closed connection, and servers of any trouble; what we put for the latter."""
_NUMBER, _HEAD = re.compile(rb'"id"\s*:\s*(\d{1,9})\b'), 200
_IMPROPER = "its answer is none that the protocol knows"
LINE = 12 * 1024 * 1024
FLOOD, MESSAGES = 48 * 1024 * 1024, 10_000
"""Bytes of one message; bytes and messages of all that may come between two requests of ours."""
ANSWER = 50
"""For how many messages an answer or a request counts, which cost us more than a notification."""


@asynccontextmanager
async def way(start: Callable[[], Awaitable[Guest]]) -> AsyncIterator[Way]:
    """Start the program and yield streams to it; it is gone on the way out."""
    import anyio
    from mcp.shared.message import SessionMessage

    guest = await start()
    ended = Ended(lambda: guest.tail)
    received, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outgoing, sent = anyio.create_memory_object_stream[SessionMessage](0)
    talk = _Talk(guest, ended)
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(talk.read, received)
            group.start_soon(talk.write, sent)
            try:
                yield Way(Trimmed(incoming), outgoing, ended)
            finally:
                group.cancel_scope.cancel()
    finally:
        for stream in (received, incoming, outgoing, sent):
            stream.close()
        with anyio.CancelScope(shield=True):
            await guest.close()


class _Talk:
    """The two directions. What comes in between two requests is counted."""

    def __init__(self, guest: Guest, ended: Ended) -> None:
        self._guest, self._ended = guest, ended
        self._left, self._messages = FLOOD, MESSAGES
        self._most = LINE

    async def read(self, to: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        import anyio
        from mcp.shared.message import SessionMessage

        why = "it ended"
        try:
            async for line in self._guest.lines():
                self._left -= len(line)
                self._messages -= 1
                if len(line) > self._most or self._left < 0 or self._messages < 0:
                    why = f"it sent {TOO_LONG_A_LIST if LIST == self._most < len(line) else TOO_MUCH}"
                    break
                if (answer := _answer(line)) is None:
                    continue
                self._messages -= ANSWER
                if (message := _taken(answer)) is not None:
                    await to.send(SessionMessage(message))
        except ValueError:
            why = "it sent a line that is too long"
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            why = "it was stopped"  # nobody listens any more
        finally:
            self._guest.kill()
            self._ended.because(why)
            to.close()

    async def write(self, messages: MemoryObjectReceiveStream[SessionMessage]) -> None:
        from mcp_types import JSONRPCRequest

        try:
            async for message in messages:
                if isinstance(
                    message.message, JSONRPCRequest
                ):  # answers to its own requests set nothing back
                    self._left, self._messages = FLOOD, MESSAGES
                    self._most = LIST if message.message.method == LISTING else LINE
                text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                await self._guest.send(text.encode() + b"\n")
        except ConnectionError:
            self._guest.kill()  # the reader says what became of it


def _answer(line: bytes) -> Any:  # noqa: ANN401 - JSON
    """An answer or a request; None for notifications, of which there may be any number, and for junk."""
    try:
        message = json.loads(line)
    except json.JSONDecodeError:
        return None
    except RecursionError:
        return _unreadable(line, "its answer is nested too deep")
    except ValueError:  # a number of thousands of digits, or no UTF-8
        return _unreadable(line, "its answer cannot be read")
    if not isinstance(message, dict) or "id" not in message:
        return None
    if isinstance(message["id"], float) and message["id"].is_integer():
        message["id"] = int(message["id"])  # some languages know one kind of number only
    error = message.get("error")
    if isinstance(error, dict) and error.get("code") == _CLOSED:
        return {**message, "error": {**error, "code": _INTERNAL}}
    return message


def _taken(answer: Any) -> Any:  # noqa: ANN401 - the package's own
    """The message as the package has it; None for what is none. An answer that is odd is one that failed."""
    from mcp_types import jsonrpc_message_adapter
    from pydantic import ValidationError

    try:
        return jsonrpc_message_adapter.validate_python(answer, by_name=False)
    except ValidationError:
        if "method" in answer or type(answer["id"]) is not int:
            return None
        return jsonrpc_message_adapter.validate_python(_error(answer["id"], _IMPROPER))


def _unreadable(line: bytes, why: str) -> Any:  # noqa: ANN401 - JSON
    """In place of an answer that says which request it is for: else that one would wait all its time."""
    asked = _NUMBER.search(line, 0, _HEAD)
    return asked and _error(int(asked[1]), why)


def _error(asked: int, why: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": asked, "error": {"code": _INTERNAL, "message": why}}
