"""What a person does in the workspace: write, edit, react, press a button, fill a form, type a command."""

from __future__ import annotations

import copy
import html
from collections.abc import Mapping
from typing import Any

from codebutler.testing.slack.server import SlackTwin
from codebutler.testing.slack.sockets import Delivered
from codebutler.testing.slack.uploading import described
from codebutler.testing.slack.workspace import APP, BOT_USER, TEAM, UploadedFile
from codebutler.types import Json


class Human:
    """A person in a channel."""

    def __init__(self, slack: SlackTwin, user: str = "UROBIN001", channel: str = "CSHOP0001") -> None:
        """Whoever ``user`` is, in ``channel``."""
        self.slack = slack
        self.ws = slack.workspace
        self.user = user
        self.channel = channel

    def say(self, text: str, *, thread: str = "", channel: str = "", files: list[Json] | None = None) -> str:
        """Write a message; returns its ts."""
        where = self.ws.channels[channel or self.channel]
        message: Json = {"user": self.user, "text": text, "client_msg_id": self.ws.new_id("msg-")}
        if thread:
            message |= {"thread_ts": thread, "parent_user_id": where.by_ts.get(thread, {}).get("user", "")}
        if files:
            message |= {"files": files, "upload": False}
        posted = self.ws.post(where, message, event={"subtype": "file_share"} if files else None)
        if f"<@{BOT_USER}>" in text and BOT_USER in where.members and where.kind != "im":
            names = ("user", "text", "ts", "team", "thread_ts")
            mention: Json = {k: posted[k] for k in names if k in posted}
            more = {"files": files} if files else {}
            self.slack.event(
                {"type": "app_mention", **mention, **more, "channel": where.id, "event_ts": posted["ts"]}
            )
        return str(posted["ts"])

    def direct(self, text: str, *, thread: str = "") -> tuple[str, str]:
        """Write to the app itself; returns channel and ts."""
        found = [c for c in self.ws.channels.values() if c.kind == "im" and self.user in c.members]
        im = found[0] if found else self.ws.channel(
            self.ws.new_id("D"), "", kind="im", members={self.user, BOT_USER}
        )  # fmt: skip
        return im.id, self.say(text, channel=im.id, thread=thread)

    def file(self, name: str, data: bytes, media_type: str) -> Json:
        """A file to send with a message."""
        file = UploadedFile(self.ws.new_id("F"), name, len(data), data, media_type=media_type)
        self.ws.files[file.id] = file
        return described(self.ws, file)

    def edit(self, ts: str, text: str) -> None:
        """Change a message of one's own."""
        where = self.ws.channels[self.channel]
        message = where.by_ts[ts]
        before = copy.deepcopy(message)
        message |= {"text": text, "edited": {"user": self.user, "ts": self.ws.new_ts()}}
        self._changed("message_changed", {"message": copy.deepcopy(message), "previous_message": before})

    def delete(self, ts: str) -> None:
        """Take a message back."""
        where = self.ws.channels[self.channel]
        before = copy.deepcopy(where.by_ts[ts])
        where.remove(ts)
        self._changed("message_deleted", {"deleted_ts": ts, "previous_message": before})

    def _changed(self, subtype: str, more: Json) -> None:
        where = self.ws.channels[self.channel]
        ts = self.ws.new_ts()
        kind = {"channel": "channel", "group": "group", "im": "im"}[where.kind]
        base: Json = {"type": "message", "subtype": subtype, "hidden": True, "channel": where.id, "ts": ts}
        self.slack.event({**base, "event_ts": ts, "channel_type": kind, **more})

    def react(self, ts: str, name: str) -> None:
        """Put an emoji on a message."""
        message = self.ws.channels[self.channel].by_ts[ts]
        message.setdefault("reactions", []).append({"name": name, "users": [self.user]})
        item = {"type": "message", "channel": self.channel, "ts": ts}
        event: Json = {"type": "reaction_added", "user": self.user, "reaction": name, "item": item}
        self.slack.event({**event, "item_user": message.get("user", ""), "event_ts": self.ws.new_ts()})

    # ------------------------------------------------------------------- buttons, forms, commands

    def button(self, ts: str, label: str) -> Json:
        """The button of a message with this label."""
        for block in self.ws.channels[self.channel].by_ts[ts].get("blocks", []):
            for element in block.get("elements", []):
                if element.get("type") == "button" and element["text"]["text"] == label:
                    return {**element, "block_id": block["block_id"]}
        raise AssertionError(f"no button {label!r} at {ts}")

    def press(self, ts: str, label: str) -> Delivered:
        """Press the button with this label."""
        return self.press_again(ts, self.button(ts, label))

    def press_again(self, ts: str, button: Json) -> Delivered:
        """Press a button as it was, though it may be gone by now."""
        message = copy.deepcopy(self.ws.channels[self.channel].by_ts[ts])
        action = {k: button[k] for k in ("action_id", "block_id", "text", "value", "type") if k in button}
        container: Json = {
            "type": "message",
            "message_ts": ts,
            "channel_id": self.channel,
            "is_ephemeral": False,
        }
        if "thread_ts" in message:
            container["thread_ts"] = message["thread_ts"]
        return self._interact(
            "block_actions",
            {
                "container": container, "channel": self._channel(), "message": message,
                "state": {"values": {}}, "response_url": self._response(ts),
                "actions": [{**action, "action_ts": self.ws.new_ts()}],
            },
        )  # fmt: skip

    def submit(self, values: Mapping[str, str]) -> Delivered:
        """Fill the form that is open, by block_id, and send it."""
        view = self.ws.modals.pop(self.user)
        state: Json = {}
        for block in view["blocks"]:
            if block["type"] == "input":
                element = block["element"]
                given = {"type": element["type"], "value": values.get(block["block_id"])}
                state[block["block_id"]] = {element["action_id"]: given}
        return self._interact("view_submission", {"view": {**view, "state": {"values": state}}})

    def shortcut(self, ts: str, callback: str) -> Delivered:
        """Choose an action from a message's own menu."""
        message = copy.deepcopy(self.ws.channels[self.channel].by_ts[ts])
        more: Json = {
            "callback_id": callback,
            "message": message,
            "message_ts": ts,
            "channel": self._channel(),
        }
        more |= {"action_ts": self.ws.new_ts(), "response_url": self._response("")}
        return self._interact("message_action", more)

    def command(self, text: str, *, command: str = "/codebutler") -> Delivered:
        """Type a slash command. Slack sends no thread with it."""
        return self.slack.sockets.send(
            "slash_commands",
            {
                "token": "twin", "team_id": TEAM, "team_domain": "twin", "channel_id": self.channel,
                "channel_name": self.ws.channels[self.channel].name, "user_id": self.user,
                "user_name": self.ws.users[self.user]["name"], "command": command,
                "text": html.escape(text, quote=False),
                "api_app_id": APP, "response_url": self._response(""), "trigger_id": self._trigger(),
            },
        )  # fmt: skip

    def open_home(self) -> None:
        """Look at the app's home tab."""
        event: Json = {"type": "app_home_opened", "user": self.user, "tab": "home", "channel": "DHOME0001"}
        self.slack.event({**event, "event_ts": self.ws.new_ts()})

    def _interact(self, kind: str, more: Json) -> Delivered:
        person = {"id": self.user, "username": self.ws.users[self.user]["name"], "team_id": TEAM}
        payload: Json = {"type": kind, "user": person, "api_app_id": APP, "token": "twin"}
        payload |= {"team": {"id": TEAM, "domain": "twin"}, "trigger_id": self._trigger(), **more}
        return self.slack.sockets.send("interactive", payload)

    def _channel(self) -> Json:
        return {"id": self.channel, "name": self.ws.channels[self.channel].name}

    def _trigger(self) -> str:
        trigger = self.ws.new_id("trigger.")
        self.ws.triggers[trigger] = self.user
        return trigger

    def _response(self, ts: str) -> str:
        name = self.ws.new_id("r")
        self.ws.responses[name] = {"channel": self.channel, "ts": ts, "user": self.user, "uses": 0}
        return f"{self.ws.url}/respond/{name}"

    def thread(self, ts: str) -> list[Any]:
        """What stands in a thread, the app's words only."""
        rows = self.ws.channels[self.channel].thread(ts)
        return [m for m in rows if m.get("bot_id") and m["ts"] != ts]
