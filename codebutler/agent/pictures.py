"""Pictures in a transcript: kept as references to blobs, sent as images to models that see, told to others.

What stands in a transcript never changes, and neither does what is made of it for one model, so that
request k stays a prefix of request k+1.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Sequence

from codebutler.types import Attachment, Message

_BLOB = "blob:"
_SENT = 16 * 1024 * 1024
"""Most characters of base64 in one request: providers take some 20 to 50 MB. The first ones are sent."""
_UNSEEN = "You cannot see it: go by what the text says."
_TOO_MUCH = "There are too many pictures already to send this one."
_LOST = "It is no longer kept."


def picture_message(tool: str, picture: Attachment) -> Message:
    """What stands in the transcript, behind the results of its step: a tool's message holds text alone."""
    url = f"{_BLOB}{picture.media_type},{picture.sha256}"
    return _message(f"The picture that {tool} showed ({picture.media_type}):", url)


def attached_picture(picture: Attachment) -> Message:
    """What stands in the transcript of a picture that came with a person's message."""
    url = f"{_BLOB}{picture.media_type},{picture.sha256}"
    return _message(f"The attached picture {picture.name} ({picture.media_type}):", url)


async def shown(
    messages: Sequence[Message], load: Callable[[str], Awaitable[bytes | None]], *, sees: bool
) -> list[Message]:
    """The messages as a model gets them. ``load`` gives the bytes of a blob by its SHA-256."""
    found: list[Message] = []
    room = _SENT
    for message in messages:
        kind, sha = _reference(message)
        if not sha:
            found.append(message)
            continue
        text = message["content"][0]["text"]
        data = await load(sha) if sees else None
        encoded = base64.b64encode(data or b"").decode()
        if data is not None and len(encoded) <= room:
            room -= len(encoded)
            found.append(_message(text, f"data:{kind};base64,{encoded}"))
        else:
            why = _UNSEEN if not sees else _LOST if data is None else _TOO_MUCH
            found.append({"role": "user", "content": f"{text} {why}"})
    return found


def _message(text: str, url: str) -> Message:
    image = {"type": "image_url", "image_url": {"url": url}}
    return {"role": "user", "content": [{"type": "text", "text": text}, image]}


def _reference(message: Message) -> tuple[str, str]:
    """Media type and SHA-256 of the picture that a message stands for, or two empty texts."""
    content = message.get("content")
    if not isinstance(content, list) or len(content) != 2:
        return "", ""
    url = str(content[1].get("image_url", {}).get("url", ""))
    kind, _, sha = url.removeprefix(_BLOB).partition(",")
    return (kind, sha) if url.startswith(_BLOB) else ("", "")
