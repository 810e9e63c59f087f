"""The sandbox's end of the way out: 127.0.0.1:3128 to the host's proxy socket, byte for byte.

It decides nothing: the proxy on the other side does. Runs in threads of this process, so that the sweep
after each command cannot end it.
"""

from __future__ import annotations

import contextlib
import socket
import threading

PORT = 3128
_AT_ONCE = 32
_PIECE = 65536


def start(path: str) -> None:
    """Listen from now on."""
    server = socket.create_server(("127.0.0.1", PORT), backlog=64)
    threading.Thread(target=_accept, args=(server, path, threading.Semaphore(_AT_ONCE)), daemon=True).start()


def _accept(server: socket.socket, path: str, room: threading.Semaphore) -> None:
    while True:
        near, _ = server.accept()
        room.acquire()
        threading.Thread(target=_join, args=(near, path, room), daemon=True).start()


def _join(near: socket.socket, path: str, room: threading.Semaphore) -> None:
    try:
        with near, socket.socket(socket.AF_UNIX) as far, contextlib.suppress(OSError):
            far.connect(path)
            up = threading.Thread(target=_copy, args=(near, far), daemon=True)
            up.start()
            _copy(far, near)
            with contextlib.suppress(OSError):
                near.shutdown(socket.SHUT_RDWR)
            up.join()
    finally:
        room.release()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
