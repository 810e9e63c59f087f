"""A program that has imported everything and forks ``codebutler`` for whoever asks: sweeps start hundreds.

Usage: warm.py SOCKET. Each connection sends one line of JSON (words, cwd, env) and is told the exit code, or
minus the signal that killed it. With three descriptors these are its input, output and errors; without, what
it prints is in the files ``out`` and ``out``.err, and its id in ``pid``.
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
    line, files, _, _ = socket.recv_fds(connection, 65536, 3)
    while not line.endswith(b"\n"):
        line += connection.recv(65536)
    order = json.loads(line)
    child = os.fork()
    if child == 0:
        connection.close()
        become(order, files)
    _, status = os.waitpid(child, 0)
    connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def opened(order: dict[str, Any]) -> list[int]:
    """Input, output and errors in files of their own."""
    out = Path(order["out"])
    Path(order["pid"]).write_text(str(os.getpid()))
    paths = (out, out.with_name(f"{out.name}.err"))
    written = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600) for path in paths]
    return [os.open(os.devnull, os.O_RDONLY), *written]


def become(order: dict[str, Any], files: list[int]) -> NoReturn:
    """Be ``codebutler``, as if a shell had started it."""
    os.setsid()
    for number, file in enumerate(files or opened(order)):
        os.dup2(file, number)
        os.close(file)
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
