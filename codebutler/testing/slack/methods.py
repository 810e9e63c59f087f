"""The Web API by method name: each takes the workspace and the arguments, and answers or raises Refused."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from codebutler.testing.slack import limits, reading, streams, uploading
from codebutler.testing.slack.limits import Refused
from codebutler.testing.slack.workspace import (
    APP,
    BOT_ID,
    BOT_USER,
    TEAM,
    Channel,
    Workspace,
    as_list,
    shown,
)
from codebutler.types import Json

Method: TypeAlias = Callable[[Workspace, Json], Json]


def need(args: Mapping[str, Any], *names: str) -> None:
    """Raise Refused for arguments that are not there."""
    for name in names:
        if not args.get(name):
            raise Refused("invalid_arguments", f"[ERROR] missing required field: {name}")


def _auth_test(_ws: Workspace, _args: Json) -> Json:
    return {
        "url": "https://twin.slack.com/", "team": "Twin", "user": "codebutler", "team_id": TEAM,
        "user_id": BOT_USER, "bot_id": BOT_ID, "is_enterprise_install": False,
    }  # fmt: skip


def own_message(args: Mapping[str, Any]) -> Json:
    """What a message of the app holds."""
    message: Json = {"text": args.get("text") or "", "user": BOT_USER, "bot_id": BOT_ID, "app_id": APP}
    message["bot_profile"] = {"id": BOT_ID, "app_id": APP, "name": "codebutler"}
    for name in ("blocks", "metadata", "thread_ts"):
        if args.get(name):
            message[name] = copy.deepcopy(args[name])
    if args.get("reply_broadcast") and args.get("thread_ts"):
        message["subtype"] = "thread_broadcast"
    for number, block in enumerate(message.get("blocks", [])):
        block.setdefault("block_id", f"b{number}")
    return message


def _post(ws: Workspace, args: Json) -> Json:
    need(args, "channel")
    channel = ws.open_channel(args["channel"])
    limits.message(args)
    check_parent(channel, args.get("thread_ts", ""))
    ws.throttle(channel.id)
    message = ws.post(channel, own_message(args))
    if args.get("thread_ts"):
        ws.statuses.pop((channel.id, args["thread_ts"]), None)
    return {"channel": channel.id, "ts": message["ts"], "message": shown(message)}


def check_parent(channel: Channel, ts: str) -> None:
    """Raise Refused for a thread that is not there."""
    if ts and ts not in channel.by_ts:
        raise Refused("thread_not_found")


def _update(ws: Workspace, args: Json) -> Json:
    need(args, "channel", "ts")
    channel = ws.open_channel(args["channel"])
    message = ws.message(channel.id, args["ts"])
    if message.get("bot_id") != BOT_ID:
        raise Refused("cant_update_message")
    if "streaming" in message:
        raise Refused("streaming_state_conflict")
    limits.message(args)
    message.update({k: v for k, v in own_message(args).items() if k != "thread_ts"})
    for name in ("blocks", "metadata"):  # what is left out stays, what is empty goes
        if name in args and not args[name]:
            message.pop(name, None)
    message["edited"] = {"user": BOT_USER, "ts": ws.new_ts()}
    ws.edits.append((channel.id, args["ts"], ws.now()))
    return {"channel": channel.id, "ts": args["ts"], "text": message["text"], "message": shown(message)}


def _delete(ws: Workspace, args: Json) -> Json:
    need(args, "channel", "ts")
    message = ws.message(args["channel"], args["ts"])
    if message.get("bot_id") != BOT_ID:
        raise Refused("cant_delete_message")
    ws.channels[args["channel"]].remove(args["ts"])
    return {"channel": args["channel"], "ts": args["ts"]}


def _ephemeral(ws: Workspace, args: Json) -> Json:
    need(args, "channel", "user")
    channel = ws.open_channel(args["channel"])
    limits.message(args)
    if args["user"] not in channel.members:
        raise Refused("user_not_in_channel")
    ws.ephemeral.append(args)
    return {"message_ts": ws.new_ts()}


def _permalink(ws: Workspace, args: Json) -> Json:
    need(args, "channel", "message_ts")
    ws.message(args["channel"], args["message_ts"])
    ts = args["message_ts"].replace(".", "")
    return {
        "channel": args["channel"],
        "permalink": f"https://twin.slack.com/archives/{args['channel']}/p{ts}",
    }


def _react(ws: Workspace, args: Json) -> Json:
    need(args, "channel", "timestamp", "name")
    message = ws.message(args["channel"], args["timestamp"])
    for reaction in message.setdefault("reactions", []):
        if reaction["name"] == args["name"]:
            if BOT_USER in reaction["users"]:
                raise Refused("already_reacted")
            reaction["users"].append(BOT_USER)
            return {}
    message["reactions"].append({"name": args["name"], "users": [BOT_USER]})
    return {}


def _unreact(ws: Workspace, args: Json) -> Json:
    need(args, "channel", "timestamp", "name")
    message = ws.message(args["channel"], args["timestamp"])
    for reaction in message.get("reactions", []):
        if reaction["name"] == args["name"] and BOT_USER in reaction["users"]:
            reaction["users"].remove(BOT_USER)
            message["reactions"] = [r for r in message["reactions"] if r["users"]]
            return {}
    raise Refused("no_reaction")


def _info(ws: Workspace, args: Json) -> Json:
    need(args, "channel")
    channel = ws.channels.get(args["channel"])
    if channel is None or (channel.kind == "group" and BOT_USER not in channel.members):
        raise Refused("channel_not_found")
    return {"channel": channel.info()}


def _open(ws: Workspace, args: Json) -> Json:
    users = as_list(args.get("users"))
    if len(users) != 1 or users[0] not in ws.users:
        raise Refused("user_not_found")
    for channel in ws.channels.values():
        if channel.kind == "im" and users[0] in channel.members:
            return {"channel": {"id": channel.id}}
    return {"channel": {"id": ws.channel(ws.new_id("D"), "", kind="im", members={users[0], BOT_USER}).id}}


def _join(ws: Workspace, args: Json) -> Json:
    need(args, "channel")
    channel = ws.channels.get(args["channel"])
    if channel is None or channel.kind != "channel":
        raise Refused("channel_not_found")
    if channel.archived:
        raise Refused("is_archived")
    channel.members.add(BOT_USER)
    return {"channel": channel.info()}


def _list(ws: Workspace, args: Json) -> Json:
    return _channels(_rows(ws, args), args)


def _rows(ws: Workspace, args: Json) -> list[Json]:
    """Conversations of the kinds that are asked for."""
    kinds = as_list(args.get("types")) or ["public_channel"]
    wanted = {"public_channel": "channel", "private_channel": "group", "im": "im"}
    rows = [
        c.info()
        for c in ws.channels.values()
        if c.kind in {wanted.get(k, "") for k in kinds} and (c.kind == "channel" or BOT_USER in c.members)
    ]
    if str(args.get("exclude_archived", "")).lower() in {"true", "1"}:
        rows = [r for r in rows if not r["is_archived"]]
    return rows


def _channels(rows: list[Json], args: Json) -> Json:
    """A page of them: Slack gives no more than ``limit``, and says where the next begins."""
    start, limit = int(args.get("cursor") or 0), min(int(args.get("limit") or 100), 999)
    more = str(start + limit) if len(rows) > start + limit else ""
    return {"channels": rows[start : start + limit], "response_metadata": {"next_cursor": more}}


def _own(ws: Workspace, args: Json) -> Json:
    """Conversations in which the bot is."""
    return _channels([c for c in _rows(ws, args) if c.get("is_member")], args)


def _create(ws: Workspace, args: Json) -> Json:
    need(args, "name")
    if any(c.name == args["name"] for c in ws.channels.values()):
        raise Refused("name_taken")
    return {"channel": ws.channel(ws.new_id("C"), args["name"], members={BOT_USER}).info()}


def _user(ws: Workspace, args: Json) -> Json:
    if args.get("user") not in ws.users:
        raise Refused("user_not_found")
    return {"user": ws.users[args["user"]]}


def _bot(_ws: Workspace, args: Json) -> Json:
    need(args, "bot")
    if args["bot"] != BOT_ID:
        raise Refused("bot_not_found")
    return {"bot": {"id": BOT_ID, "app_id": APP, "user_id": BOT_USER, "name": "codebutler", "deleted": False}}


def _open_view(ws: Workspace, args: Json) -> Json:
    limits.view(args.get("view"))
    if args.get("trigger_id") not in ws.triggers:
        raise Refused("expired_trigger_id")
    user = ws.triggers.pop(args["trigger_id"])
    view = {"id": ws.new_id("V"), "team_id": TEAM, "hash": ws.new_ts(), **copy.deepcopy(args["view"])}
    ws.modals[user] = view
    return {"view": view}


def _update_view(ws: Workspace, args: Json) -> Json:
    limits.view(args.get("view"))
    for user, view in ws.modals.items():
        if view["id"] == args.get("view_id"):
            ws.modals[user] = {**view, **copy.deepcopy(args["view"])}
            return {"view": ws.modals[user]}
    raise Refused("not_found")


def _publish(ws: Workspace, args: Json) -> Json:
    need(args, "user_id")
    limits.view(args.get("view"))
    ws.homes[args["user_id"]] = copy.deepcopy(args["view"])
    return {"view": {"id": ws.new_id("V"), **args["view"]}}


def _status(ws: Workspace, args: Json) -> Json:
    need(args, "channel_id", "thread_ts")
    ws.message(args["channel_id"], args["thread_ts"])
    ws.statuses[args["channel_id"], args["thread_ts"]] = str(args.get("status", ""))
    return {}


def _title(ws: Workspace, args: Json) -> Json:
    need(args, "channel_id", "thread_ts", "title")
    ws.message(args["channel_id"], args["thread_ts"])
    ws.titles[args["channel_id"], args["thread_ts"]] = str(args["title"])
    return {}


def _nothing(_ws: Workspace, _args: Json) -> Json:
    return {}


METHODS: Mapping[str, Method] = {
    "api.test": _nothing,
    "auth.test": _auth_test,
    "chat.postMessage": _post,
    "chat.update": _update,
    "chat.delete": _delete,
    "chat.postEphemeral": _ephemeral,
    "chat.getPermalink": _permalink,
    "reactions.add": _react,
    "reactions.remove": _unreact,
    "conversations.history": reading.history,
    "conversations.replies": reading.replies,
    "conversations.info": _info,
    "conversations.open": _open,
    "conversations.join": _join,
    "conversations.list": _list,
    "conversations.create": _create,
    "users.conversations": _own,
    "users.info": _user,
    "bots.info": _bot,
    "views.open": _open_view,
    "views.update": _update_view,
    "views.publish": _publish,
    "assistant.threads.setStatus": _status,
    "assistant.threads.setTitle": _title,
    "assistant.threads.setSuggestedPrompts": _nothing,
    **streams.METHODS,
    **uploading.METHODS,
}
