"""The console script: find the command, import only its module, turn errors into one clear line.

Ctrl-C ends it with that line too, whenever it comes, so what loads before ``main`` is only what Python itself
has loaded by then. The milliseconds of the interpreter's own start, before any line of ours, stay Python's:
a Ctrl-C there ends the process by the signal, and nothing can be done about it here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from codebutler import __version__

COMMANDS = {
    "init": "codebutler.cli.init",
    "chat": "codebutler.cli.chat",
    "run": "codebutler.cli.run",
    "serve": "codebutler.cli.serve",
    "service": "codebutler.cli.service",
    "threads": "codebutler.cli.threads",
    "show": "codebutler.cli.show",
    "logs": "codebutler.cli.logs",
    "cost": "codebutler.cli.cost",
    "audit": "codebutler.cli.audit",
    "memory": "codebutler.cli.memory",
    "rewind": "codebutler.cli.rewind",
    "fork": "codebutler.cli.fork",
    "export": "codebutler.cli.export",
    "replay": "codebutler.cli.replay",
    "backup": "codebutler.cli.backup",
    "restore": "codebutler.cli.restore",
    "forget": "codebutler.cli.forget",
    "pr": "codebutler.cli.pr",
    "tool": "codebutler.cli.tool",
    "executor": "codebutler.cli.executor",
    "worktree": "codebutler.cli.worktree",
    "doctor": "codebutler.cli.doctor",
    "config": "codebutler.cli.config",
    "demo": "codebutler.cli.demo",
    "eval": "codebutler.cli.eval",
    "bench": "codebutler.cli.bench",
    "scripted": "codebutler.testing.cli_scripted",
}
SERVICE_FLAGS = ("--install", "--uninstall", "--status", "--logs")
"""``codebutler --install`` is ``codebutler service install``."""

INTERRUPTED = 130
HELP = {"-h", "--help", "help"}
SPEAKS = {"-V", "--version", *HELP}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code of design's contract (0, 1, 2, 3, 4, 130).

    Without ``argv`` this is the program itself and Ctrl-C is its own; with it, the caller's handler stays.
    """
    ours = False
    try:
        import signal

        ours = argv is None and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if ours:
            signal.signal(signal.SIGINT, _leave)
        if argv is None:  # what else is installed here has no say in our models; to look for it takes time
            os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
        _open_streams()
        _spell(sys.stdout)
        return _dispatch(list(sys.argv[1:] if argv is None else argv), ours=ours)
    except KeyboardInterrupt:
        if ours:  # the command has put away what it held; what an event loop left half done would complain
            if (git := sys.modules.get("codebutler.repo.git")) is not None:
                git.leave()
            _leave()
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _open_streams() -> None:
    """Callers such as cron may close what everybody has: a file of ours would get its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
            setattr(sys, name, open(number, "r+" if number == 0 else "w", closefd=False))  # noqa: SIM115 - for good


def _spell(out: object) -> None:
    """What a terminal's encoding lacks becomes a question mark: names and models' words hold anything."""
    reconfigure = getattr(out, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")


def _leave(_number: int = 0, _frame: object = None) -> None:
    """Ctrl-C while nothing is held yet, or any more. An exception would end up in whatever is imported."""
    try:
        os.write(2, b"interrupted\n")
    finally:
        os._exit(INTERRUPTED)


def _dispatch(words: list[str], *, ours: bool) -> int:
    name = words[0] if words else "--help"
    if name in SERVICE_FLAGS:
        name, words = "service", ["service", *words]
    if name not in COMMANDS and name not in SPEAKS:
        print(_clean(f"codebutler: no command {name!r}. See: codebutler --help", words), file=sys.stderr)
        return 2
    from codebutler.errors import CodeButlerError

    try:
        if name in SPEAKS:
            print(overview() if name in HELP else f"codebutler {__version__}", flush=True)
            return 0
        return _run(name, words[1:], ours=ours)
    except CodeButlerError as error:
        print(_clean(f"codebutler {name}: {error}", words), file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # whoever read our output has gone: nothing to tell anyone
        _drop_output()
        return 1
    except Exception as error:  # noqa: BLE001 - a fault of ours: its traceback may quote what it was working on
        import traceback

        from codebutler.shortage import shortage

        if short := shortage(error):
            _drop_output()
            print(_clean(f"codebutler {name}: {short}", words), file=sys.stderr)
            return 1
        print(_clean(traceback.format_exc(), words), end="", file=sys.stderr)
        return 1


def _drop_output() -> None:
    """What could not be printed is not tried again when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _clean(text: str, words: Sequence[str]) -> str:
    """``text`` without the secrets of this host, as far as they can be read, and what looks like one."""
    from codebutler.config import known_secrets
    from codebutler.redact import Redactor

    home = next((words[n + 1] for n, word in enumerate(words[:-1]) if word == "--home"), "")
    return Redactor(known_secrets(home)).text(text)


def _run(name: str, words: list[str], *, ours: bool) -> int:
    """Only while the command runs is Ctrl-C an exception, since only a command has things to put away."""
    import argparse
    import gc
    import importlib
    import logging
    import signal

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # Ctrl-C makes it warn of children that have gone
    gc.disable()  # what is loaded stays: to look through it again and again takes a twentieth of the start
    module = importlib.import_module(COMMANDS[name])
    gc.freeze()
    gc.enable()

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            super().error(_clean(message, words))  # it quotes what it was given

    parser = Parser(prog=f"codebutler {name}", description=module.HELP, allow_abbrev=False)
    module.configure(parser)
    args = parser.parse_args(words)
    try:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code: int = module.run(args)
    finally:
        if ours:
            signal.signal(signal.SIGINT, _leave)
        sys.stdout.flush()
    return code


def overview() -> str:
    """The list of commands with a line for each."""
    import importlib

    lines = [
        "usage: codebutler COMMAND …",
        "",
        "A multi-role AI dev team that lives in your chat threads.",
        "",
    ]
    for name, path in COMMANDS.items():
        lines.append(f"  {name:<10} {importlib.import_module(path).HELP}")
    return "\n".join([*lines, "", "codebutler COMMAND --help says more."])
