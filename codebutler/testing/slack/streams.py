"""chat.startStream, appendStream and stopStream: a message that grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from codebutler.testing.slack import limits
from codebutler.testing.slack.limits import MARKDOWN, Refused
from codebutler.testing.slack.workspace import APP, BOT_ID, BOT_USER, Workspace
from codebutler.types import Json


def _start(ws: Workspace, args: Json) -> Json:
    channel = ws.open_channel(str(args.get("channel", "")))
    if not args.get("thread_ts") or args["thread_ts"] not in channel.by_ts:
        raise Refused("invalid_thread_ts")
    if channel.kind != "im" and not (args.get("recipient_user_id") and args.get("recipient_team_id")):
        raise Refused("missing_recipient_user_id")
    message: Json = {
        "text": str(args.get("markdown_text") or ""),
        "user": BOT_USER,
        "bot_id": BOT_ID,
        "app_id": APP,
    }
    message |= {"thread_ts": args["thread_ts"], "streaming": True}
    return {"channel": channel.id, "ts": ws.post(channel, message)["ts"]}


def _growing(ws: Workspace, args: Json) -> Json:
    message = ws.message(str(args.get("channel", "")), str(args.get("ts", "")))
    if not message.get("streaming"):
        raise Refused("message_not_in_streaming_state")
    text = message["text"] + str(args.get("markdown_text") or "")
    if len(text) > MARKDOWN:
        raise Refused("msg_too_long")
    message["text"] = text
    return message


def _append(ws: Workspace, args: Json) -> Json:
    message = _growing(ws, args)
    return {"channel": args["channel"], "ts": message["ts"]}


def _stop(ws: Workspace, args: Json) -> Json:
    message = _growing(ws, args)
    limits.check(args.get("blocks") or [], most=limits.BLOCKS)
    message.pop("streaming")
    for name in ("blocks", "metadata"):
        if args.get(name):
            message[name] = args[name]
    return {"channel": args["channel"], "ts": message["ts"], "message": message}


METHODS: Mapping[str, Callable[[Workspace, Json], Json]] = {
    "chat.startStream": _start,
    "chat.appendStream": _append,
    "chat.stopStream": _stop,
}
