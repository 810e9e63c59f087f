"""chat.startStream, appendStream and stopStream: a message that grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from codebutler.testing.slack import limits
from codebutler.testing.slack.limits import MARKDOWN, Refused
from codebutler.testing.slack.workspace import APP, BOT_ID, BOT_USER, Workspace
from codebutler.types import Json

SECONDS = 300.0
"""How long a stream lives, whatever is added to it."""


def _start(ws: Workspace, args: Json) -> Json:
    channel = ws.open_channel(str(args.get("channel", "")))
    if not args.get("thread_ts") or args["thread_ts"] not in channel.by_ts:
        raise Refused("invalid_thread_ts")
    for name in ("recipient_team_id", "recipient_user_id"):
        if channel.kind != "im" and not args.get(name):
            raise Refused(f"missing_{name}")
    _long(str(args.get("markdown_text") or ""))
    ws.throttle(channel.id)
    message: Json = {"text": str(args.get("markdown_text") or ""), "user": BOT_USER, "bot_id": BOT_ID}
    message |= {"app_id": APP, "thread_ts": args["thread_ts"], "streaming": ws.now()}
    ws.statuses.pop((channel.id, args["thread_ts"]), None)
    return {"channel": channel.id, "ts": ws.post(channel, message)["ts"]}


def _long(text: str) -> None:
    if len(text) > MARKDOWN:
        raise Refused("msg_too_long")


def _growing(ws: Workspace, args: Json) -> Json:
    message = ws.message(str(args.get("channel", "")), str(args.get("ts", "")))
    if message.get("bot_id") != BOT_ID:
        raise Refused("message_not_owned_by_app")
    if "streaming" in message and ws.now() - message["streaming"] > SECONDS:
        del message["streaming"]
    if "streaming" not in message:
        raise Refused("message_not_in_streaming_state")
    text = message["text"] + str(args.get("markdown_text") or "")
    _long(text)
    message["text"] = text
    return message


def _append(ws: Workspace, args: Json) -> Json:
    if not args.get("markdown_text") and not args.get("chunks"):
        raise Refused("invalid_arguments", "[ERROR] missing required field: markdown_text")
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
