"""Voice messages: each recording is transcribed once, quoted in the thread, and kept in the log.

A transcript is what its author said, but never a command: what was misheard must not approve or merge.
"""

from __future__ import annotations

import time

from codebutler.errors import ConfigError, LimitReached, ModelError, UsageError
from codebutler.events import MessageReceived, SpeechSent, Transcribed
from codebutler.filetypes import AUDIO, media_type
from codebutler.models import media, speech
from codebutler.thread.fold_media import recording
from codebutler.thread.thread import Thread
from codebutler.types import Attachment, Outbound

SILENT = "nothing could be heard in it"
INTERRUPTED = "the call was interrupted, and may have been paid for. Send it again if it matters."


async def listen(thread: Thread, seq: int, message: MessageReceived) -> None:
    """See to it that every recording of the message is in ``state.transcripts``, as text or as a failure."""
    for file in message.attachments:
        if file.media_type in AUDIO and (seq, file.sha256) not in thread.state.transcripts:
            heard = await _heard(thread, seq, message, file)
            key = f"heard:{recording(seq, file.sha256)}"
            await thread.post(_quote(message, file, heard), key=key, before=[heard])
            if heard.model and not heard.priced:
                await thread.tell_once(f"{heard.model} has no known price: its transcripts count as $0.")


def _quote(message: MessageReceived, file: Attachment, heard: Transcribed) -> Outbound:
    if heard.error:
        words = f"{file.name} was not transcribed: {heard.error}"
    else:
        said = "\n".join(f"> {line}" for line in heard.text.splitlines())
        words = f"{message.author.label} says in {file.name}:\n\n{said}"
    return Outbound(text=words, kind="notice")


async def _heard(thread: Thread, seq: int, message: MessageReceived, file: Attachment) -> Transcribed:
    """The transcript. What fails is an answer, too: the message goes on without it."""
    blank = Transcribed(of=seq, sha256=file.sha256, by=message.author)
    if recording(seq, file.sha256) in thread.state.buying:
        return blank.model_copy(update={"error": INTERRUPTED})
    try:
        use = media.service(thread.config, "speech")
        data = await thread.host.store.get_blob(file.sha256)
        if data is None:
            return blank.model_copy(update={"error": "its bytes are no longer kept."})
        kind = media_type(data)
        speech.check(data, kind)
        return await _buy(thread, blank, use, data, kind)
    except (ConfigError, LimitReached, ModelError, UsageError) as error:
        return blank.model_copy(update={"error": thread.redact(str(error))})


async def _buy(thread: Thread, blank: Transcribed, use: media.Service, data: bytes, kind: str) -> Transcribed:
    usd = speech.worst_case(use, data)
    key = await thread.reserve_speech(recording(blank.of, blank.sha256), usd)
    await thread.append(SpeechSent(of=blank.of, sha256=blank.sha256, model=use.model, usd=usd))
    started = time.monotonic()
    try:
        heard = await speech.transcribe(use, data, kind)
    except ModelError as error:
        await thread.settle(key, usd if error.paid else 0.0)
        if not error.paid:
            raise
        lost = {"error": thread.redact(str(error)), "model": use.model, "usd": usd}
        return blank.model_copy(update=lost)
    await thread.settle(key, heard.usd or 0.0)
    return blank.model_copy(
        update={
            "text": thread.redact(heard.text),
            "error": "" if heard.text else SILENT,
            "model": use.model,
            "usage": heard.usage,
            "usd": heard.usd or 0.0,
            "priced": heard.usd is not None,
            "seconds": round(time.monotonic() - started, 3),
        }
    )
