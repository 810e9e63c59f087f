"""Files: the upload in three steps (address, bytes, completion), and what a message says of a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from codebutler.testing.slack.limits import Refused
from codebutler.testing.slack.workspace import BOT_ID, BOT_USER, UploadedFile, Workspace
from codebutler.types import Json


def _address(ws: Workspace, args: Json) -> Json:
    name, length = str(args.get("filename") or ""), int(args.get("length") or 0)
    if not name or length <= 0:
        raise Refused("invalid_arguments", "[ERROR] filename and length are required")
    file = UploadedFile(ws.new_id("F"), name, length, snippet=str(args.get("snippet_type") or ""))
    ws.files[file.id] = file
    return {"upload_url": f"{ws.url}/upload/{file.id}", "file_id": file.id}


def _complete(ws: Workspace, args: Json) -> Json:
    given = args.get("files")
    wanted = json.loads(given) if isinstance(given, str) else given
    if not isinstance(wanted, list) or not wanted:
        raise Refused("invalid_arguments", "[ERROR] missing required field: files")
    files = []
    for entry in wanted:
        file = ws.files.get(entry.get("id", ""))
        if file is None or len(file.data) != file.size:
            raise Refused("file_not_found")
        files.append(file)
    if args.get("channel_id"):
        channel = ws.open_channel(args["channel_id"])
        ts = str(args.get("thread_ts") or "")
        if ts and ts not in channel.by_ts:
            raise Refused("thread_not_found")
        message: Json = {"text": str(args.get("initial_comment") or ""), "user": BOT_USER, "bot_id": BOT_ID}
        message["files"] = [described(ws, f) for f in files]
        posted = ws.post(channel, {**message, **({"thread_ts": ts} if ts else {})})
        for file in files:
            file.shares.append((channel.id, posted["ts"]))
    return {"files": [described(ws, f) for f in files]}


def described(ws: Workspace, file: UploadedFile) -> Json:
    """The file as messages and files.info have it."""
    shares: Json = {}
    for channel, ts in file.shares:
        shares.setdefault("public", {}).setdefault(channel, []).append({"ts": ts})
    return {
        "id": file.id, "name": file.name, "title": file.name, "mimetype": file.media_type,
        "filetype": file.snippet or file.name.rpartition(".")[2], "size": file.size, "user": BOT_USER,
        "mode": "snippet" if file.snippet else "hosted", "shares": shares,
        "url_private": f"{ws.url}/files/{file.id}/{file.name}",
        "url_private_download": f"{ws.url}/files/{file.id}/download/{file.name}",
    }  # fmt: skip


def _info(ws: Workspace, args: Json) -> Json:
    file = ws.files.get(str(args.get("file", "")))
    if file is None:
        raise Refused("file_not_found")
    return {"file": described(ws, file)}


METHODS: Mapping[str, Callable[[Workspace, Json], Json]] = {
    "files.getUploadURLExternal": _address,
    "files.completeUploadExternal": _complete,
    "files.info": _info,
}
