"""The executor's protocol: the stdio subset of MCP, and a few methods for the daemon alone.

Fast file tools answer at once in the reading thread; searches run beside each other; commands and git
run one at a time. A tool that fails is a result with ``isError``; JSON-RPC errors are for bad requests.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import limits
from arguments import checked, listed, schema
from cancelling import Cancel
from confine import confine, take_protocol
from editing import edit, write, write_file
from faults import Fault, ProtocolFault
from output import Watch
from packing import Packer
from patching import apply_patch
from reading import is_slow, read, read_file
from scratch import Scratch
from searching import glob, grep
from shell import Caller, Shell
from wire import Wire
from workspace import Config, Workspace

PROTOCOLS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
Id = str | int

_INLINE = {"read": read, "write": write, "edit": edit, "apply_patch": apply_patch}
_BESIDE = {"grep": grep, "glob": glob}


def main(arguments: list[str]) -> int:
    """Serve until stdin closes."""
    config = Config.parse(arguments[0])
    reader, writer = take_protocol()
    confine(config.limits)
    if config.proxy:
        import forward  # loads socket, which few executors need

        forward.start(config.proxy)
    server = Server(Workspace(config), Wire(reader, writer, limits.LINE_IN))
    server.serve()
    return 0


class Server:
    """Turns lines into calls and their outcomes into lines."""

    def __init__(self, space: Workspace, wire: Wire) -> None:
        """``serial`` guards everything that starts commands with effects."""
        self.space, self.wire = space, wire
        self.serial = threading.Lock()
        self.shell = Shell(space, self.serial, Scratch(space))
        self.git = Packer(space)
        self.running: dict[Id, Cancel] = {}
        self.threads: list[threading.Thread] = []
        self.forms = {tool["name"]: tool["inputSchema"] for tool in schema()}
        self.private: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "codebutler/fill": self.git.fill,
            "codebutler/status": self.git.status,
            "codebutler/diff": self.git.diff,
            "codebutler/tree": self.git.tree,
            "codebutler/pack": self.git.pack,
            "codebutler/write_file": lambda params: write_file(space, params),
        }

    def serve(self) -> None:
        """Read until the other side closes, and answer everything that came until then."""
        for line in self.wire.lines():
            if line is None:
                self.error(None, -32600, "the line is too long")
            elif line.strip():
                self.line(line)
        while any(thread.is_alive() for thread in self.threads) and not self.wire.is_unread():
            self.join(0.1)
        for cancel in list(self.running.values()):
            cancel.set()
        self.shell.jobs.close()
        self.join(0.4)  # without a sandbox, nobody else ends what still runs

    def join(self, seconds: float) -> None:
        """Wait for the calls under way."""
        until = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(0.0, until - time.monotonic()))

    def line(self, line: bytes) -> None:
        """One message."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            self.error(None, -32700, "not JSON")
            return
        if not isinstance(message, dict) or not isinstance(message.get("method"), str):
            self.error(None, -32600, "not a request")
            return
        ident, params = message.get("id"), message.get("params", {})
        if "id" in message and (isinstance(ident, bool) or not isinstance(ident, (str, int))):
            self.error(None, -32600, "an id must be a string or an integer")
        elif not isinstance(params, dict):
            self.error(ident, -32602, "params must be an object")
        elif "id" not in message:
            self.notification(message["method"], params)
        else:
            self.request(message["id"], message["method"], params)

    def notification(self, method: str, params: dict[str, Any]) -> None:
        """Cancellation; every other notification is ignored, as MCP asks."""
        ident = params.get("requestId")
        if method == "notifications/cancelled" and isinstance(ident, (str, int)) and ident in self.running:
            self.running[ident].set()

    def request(self, ident: Id, method: str, params: dict[str, Any]) -> None:
        """Answer at once, or start a thread that will."""
        try:
            if method == "tools/call":
                self.call(ident, params)
            elif method in self.private:
                self.beside(ident, lambda _: self.serially(self.private[method], params))
            else:
                self.reply(ident, self.simple(method, params))
        except Exception as fault:  # noqa: BLE001 - no request, however odd, may end the executor
            self.fault(ident, fault)

    def simple(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Methods that need no thread."""
        if method == "initialize":
            wanted = params.get("protocolVersion")
            return {
                "protocolVersion": wanted if wanted in PROTOCOLS else PROTOCOLS[0],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "codebutler-executor", "version": "1"},
            }
        if method == "ping":
            return {}
        if method == "tools/list":
            return {"tools": listed(scratch=bool(self.space.config.scratch))}
        if method == "codebutler/read_file":
            return read_file(self.space, params)
        raise ProtocolFault(-32601, f"no such method: {method[:100]}")

    def call(self, ident: Id, params: dict[str, Any]) -> None:
        """One tool call, inline or in its own thread."""
        name, arguments = params.get("name"), params.get("arguments", {})
        if not isinstance(name, str):
            raise ProtocolFault(-32602, "params.name must be the name of a tool")
        if name not in self.forms:
            raise ProtocolFault(-32602, f"no such tool: {name[:100]}")
        if not isinstance(arguments, dict):
            raise ProtocolFault(-32602, "arguments must be an object")
        if name in _INLINE and not (name == "read" and is_slow(arguments)):
            self.reply(ident, self.tool(name, arguments, None))
        else:
            meta = params.get("_meta")
            about = meta if isinstance(meta, dict) else {}
            self.beside(ident, lambda cancel: self.tool(name, arguments, self.caller(about, cancel)))

    def caller(self, meta: dict[str, Any], cancel: Cancel) -> Caller:
        """Who calls, from MCP's ``_meta``: a progress token asks for output while a command runs."""
        token, own = meta.get("progressToken"), meta.get("codebutler")
        cwd = own.get("cwd") if isinstance(own, dict) else None

        def send(text: str, total: int) -> None:
            params = {"progressToken": token, "progress": total, "message": text}
            self.wire.send({"method": "notifications/progress", "params": params})

        def tell_end(job: int) -> None:
            self.wire.send({"method": "notifications/codebutler/job_ended", "params": {"job": job}})

        wants_end = isinstance(own, dict) and own.get("tellEnd") is True
        watched = isinstance(token, (str, int)) and not isinstance(token, bool)
        return Caller(
            cancel,
            Watch(send) if watched else None,
            cwd if isinstance(cwd, str) else None,
            tell_end if wants_end else None,
        )

    def tool(self, name: str, arguments: dict[str, Any], caller: Caller | None) -> dict[str, Any]:
        """The MCP result of a tool, whatever happens."""
        try:
            arguments = checked(name, arguments, self.forms[name])
            if caller is not None and name == "bash":
                text, details, good = self.shell.bash(arguments, caller)
                return result(text, details, good=good)
            text, details = {**_INLINE, **_BESIDE}[name](self.space, arguments)
            return result(text, details, good=True)
        except Fault as fault:
            return result(limits.clip(fault.text, 60, limits.FAULT_BYTES), fault.details, good=False)
        except OSError as error:
            return result(_plain(error, arguments), {}, good=False)
        except MemoryError:
            return result("that needs more memory than there is: do it in smaller parts", {}, good=False)
        except UnicodeEncodeError:
            return result("the arguments hold characters that are not valid Unicode", {}, good=False)

    def serially(
        self, work: Callable[[dict[str, Any]], dict[str, Any]], params: dict[str, Any]
    ) -> dict[str, Any]:
        """Run the daemon's git work when no command runs, and leave nothing of it behind."""
        with self.serial:
            try:
                return work(params)
            finally:
                self.space.children.sweep()

    def beside(self, ident: Id, work: Callable[[Cancel], dict[str, Any]]) -> None:
        """Run ``work`` in a thread of its own."""
        if ident in self.running or len(self.running) >= limits.CALLS_IN_FLIGHT:
            raise ProtocolFault(-32600, "the id is in use, or too many calls are under way")
        cancel = self.running[ident] = Cancel()

        def body() -> None:
            try:
                outcome = work(cancel)
            except Exception as fault:  # noqa: BLE001 - whatever it is, the client must not wait for ever
                self.finish(ident, cancel, partial(self.fault, ident, fault))
            else:
                self.finish(ident, cancel, partial(self.reply, ident, outcome))

        thread = threading.Thread(target=body, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # commands have taken all of the sandbox's processes
            del self.running[ident]
            cancel.close()
            raise
        self.threads = [*(each for each in self.threads if each.is_alive()), thread]

    def finish(self, ident: Id, cancel: Cancel, answer: Callable[[], None]) -> None:
        """Forget the call, then answer it unless it was cancelled: MCP wants silence then."""
        del self.running[ident]
        if not cancel.is_set:
            answer()
        cancel.close()

    def reply(self, ident: Id, outcome: dict[str, Any]) -> None:
        """A JSON-RPC result."""
        self.wire.send({"id": ident, "result": outcome})

    def fault(self, ident: Id, fault: Exception) -> None:
        """A JSON-RPC error for a request that is not a tool call."""
        if isinstance(fault, ProtocolFault):
            self.error(ident, fault.code, fault.message)
        elif isinstance(fault, Fault):
            self.error(ident, -32000, fault.text)
        elif isinstance(fault, OSError):
            self.error(ident, -32000, str(fault)[:500])
        else:
            self.error(ident, -32603, f"{type(fault).__name__}: {fault}"[:500])

    def error(self, ident: Id | None, code: int, message: str) -> None:
        """A JSON-RPC error."""
        self.wire.send({"id": ident, "error": {"code": code, "message": message}})


def result(text: str, details: dict[str, Any], *, good: bool) -> dict[str, Any]:
    """MCP's shape of a tool result; ``details`` ride in ``_meta`` for people and the log."""
    content = [{"type": "text", "text": limits.clip(text, 1_000_000, limits.REPLY_TEXT)}]
    if "image" in details:
        kind, data = details.pop("image")
        content.append({"type": "image", "data": base64.b64encode(data).decode(), "mimeType": kind})
    return {
        "content": content,
        "isError": not good,
        "_meta": {"codebutler": details},
    }


def _plain(error: OSError, arguments: dict[str, Any]) -> str:
    path = arguments.get("path")
    return (
        f"{limits.cut_line(path, 300)}: {error.strerror}"
        if isinstance(path, str) and path
        else str(error.strerror)
    )
