"""Files out, in Slack's three steps. A message with a file carries no mark: the file's name is it."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

from msgspec import Struct

from codebutler.filetypes import safe_name
from codebutler.surfaces.slack.calls import SECONDS, Calls, SlackAway
from codebutler.text import fit
from codebutler.types import Outbound

SHOWN = 20_000
"""Characters of code that are shown where it cannot be a file."""


class Upload(Struct, frozen=True):
    """A file to show. ``language`` makes it a snippet."""

    name: str
    data: bytes
    language: str = ""


def named(name: str, mark: str) -> str:
    """A file's name with a few characters by which it is known again."""
    path = PurePosixPath(safe_name(name))
    return f"{path.stem}-{hashlib.sha256(mark.encode()).hexdigest()[:6]}{path.suffix}"


def instead(file: Upload, why: str) -> Outbound:
    """What is said in the place of a file that Slack does not take: code is shown all the same."""
    words = f"The file `{file.name}` cannot be shown here ({why})."
    if not file.language:
        return Outbound(text=words)
    code = fit(file.data.decode(), SHOWN)
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", code)), default=0))
    return Outbound(text=f"{words}\n\n{fence}{file.language}\n{code}\n{fence}")


async def send(calls: Calls, file: Upload, *, channel: str, thread: str) -> None:
    """Put the file into the thread. Raises as ``Calls.call``."""
    kind = {"snippet_type": file.language} if file.language else {}
    ticket = await calls.call("files.getUploadURLExternal", filename=file.name, length=len(file.data), **kind)
    await _put(str(ticket["upload_url"]), file.data)
    await calls.call(
        "files.completeUploadExternal",
        post_to=channel,
        files=[{"id": ticket["file_id"], "title": file.name}],
        channel_id=channel,
        thread_ts=thread,
    )


async def _put(address: str, data: bytes) -> None:
    from aiohttp import ClientError, ClientSession, ClientTimeout

    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=2 * SECONDS)) as session,
            session.post(address, data=data) as answer,
        ):
            status = answer.status
    except (ClientError, OSError, TimeoutError) as error:
        raise SlackAway(f"a file cannot be sent to Slack: {error}") from error
    if status != 200:
        raise SlackAway(f"Slack answered a file with HTTP {status}")
