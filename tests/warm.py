"""A program that has imported everything and forks ``codebutler`` for whoever asks: sweeps start hundreds.

Usage: warm.py SOCKET. Each connection sends one line of JSON (words, cwd, env, out, pid) and is told the exit
code, or minus the signal that killed it. What was printed is in the files ``out`` and ``out``.err, the id of
the process in ``pid``.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

from codebutler.cli.main import main

MODULES = (
    "aiohttp.web",
    "codebutler.cli.doctor",
    "codebutler.cli.run",
    "codebutler.forges.local",
    "codebutler.models.client",
    "encodings.idna",
    "rich._emoji_codes",
    "rich.console",
    "rich.markdown",
    "rich.panel",
    "sqlite_utils",
)


def serve(path: str) -> None:
    """Fork for every connection until terminated, or until the tests are gone."""
    starter = os.getppid()
    for name in MODULES:
        importlib.import_module(name)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        server.settimeout(1.0)
        while os.getppid() == starter:  # who started us may be killed, too
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            if os.fork() == 0:
                server.close()
                keep(connection)
            connection.close()


def keep(connection: socket.socket) -> NoReturn:
    """Fork once more, wait for that process, and answer."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection.makefile("rwb") as stream:
        order = json.loads(stream.readline())
        child = os.fork()
        if child == 0:
            become(order)
        _, status = os.waitpid(child, 0)
        stream.write(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def become(order: dict[str, Any]) -> NoReturn:
    """Be ``codebutler``, as if a shell had started it."""
    os.setsid()
    out = Path(order["out"])
    Path(order["pid"]).write_text(str(os.getpid()))
    for number, path in ((1, out), (2, out.with_name(f"{out.name}.err"))):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    code = 1
    try:
        code = main(order["words"])
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - what an interpreter would do
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
