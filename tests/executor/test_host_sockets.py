"""A socket of the host that lies in the worktree: nobody inside can talk to whoever listens there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from codebutler.errors import NoSandbox
from codebutler.sandbox import sockets
from codebutler.sandbox.egress import Egress
from codebutler.sandbox.executor import Executor
from codebutler.sandbox.settings import SandboxSettings

SECRET = "HOSTSECRET"
ASK = """python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print(s.recv(99))' """


def bound(path: Path, kind: int = socket.SOCK_STREAM) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, kind)
    fd = os.open(path.parent, os.O_PATH)
    server.bind(f"/proc/self/fd/{fd}/{path.name}")  # an address is shorter than a path may be
    os.close(fd)
    path.chmod(0o777)
    return server


def _tell(server: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.sendall(SECRET.encode())


@pytest.fixture
def service(folder: Path) -> Iterator[Path]:
    """A program of the host that listens in a folder of the worktree."""
    (folder / "sub").mkdir()
    with bound(folder / "sub/s") as server:
        server.listen()
        threading.Thread(target=_tell, args=(server,), daemon=True).start()
        yield folder / "sub/s"
        server.shutdown(socket.SHUT_RDWR)


async def ran(hands: Executor, command: str) -> str:
    return (await hands.call("bash", {"command": command})).text


async def test_a_live_socket_of_the_host_is_shut(folder: Path, service: Path) -> None:
    del service
    ask = f"{ASK} sub/s"
    plain = subprocess.run(ask, shell=True, cwd=folder, capture_output=True, text=True, check=True)
    assert SECRET in plain.stdout
    hands = await Executor.start(folder)
    try:
        assert "refused" in await ran(hands, ask)
        for trick in ("mv sub t; x=t/s", "ln -s t u; x=u/s", "mv t/s v 2>&1; ln t/s w 2>&1; rm t/s; x=t/s"):
            said = await ran(hands, f"{trick}; {ASK} $x")
            assert "refused" in said, said
    finally:
        await hands.close()


async def test_sockets_of_their_own_work_all_the_same(folder: Path, service: Path) -> None:
    del service
    with bound(folder / "old"):
        pass
    hands = await Executor.start(folder)
    try:
        serve = "import socket; s = socket.socket(socket.AF_UNIX); s.bind('old'); s.listen(); print('mine')"
        assert "mine" in await ran(hands, f'rm old && python3 -c "{serve}"')
    finally:
        await hands.close()


def test_only_those_with_somebody_behind_are_live(folder: Path) -> None:
    with bound(folder / "gone"):
        pass
    (folder / "hidden").mkdir()
    with bound(folder / "letters", socket.SOCK_DGRAM), bound(folder / "hidden/s") as other:
        other.listen()
        found = sockets.below(folder, [folder / "hidden"])
    assert found == sockets.Sockets((folder / "letters",), ())


@pytest.mark.skipif(os.geteuid() == 0, reason="no folder is closed to root")
async def test_a_closed_folder_may_hide_one(folder: Path, service: Path) -> None:
    service.parent.chmod(0)
    hands = await Executor.start(folder)
    try:
        opened = f"chmod 755 sub; {ASK} sub/s"
        assert "not supported" in await ran(hands, opened)
        assert await ran(hands, "python3 -c 'import socket; socket.socketpair(); print(1)'") == "1"
    finally:
        await hands.close()


async def test_nor_does_one_too_deep_to_be_seen(folder: Path) -> None:
    _dig(folder, 30)
    hands = await Executor.start(folder)
    try:
        assert "not supported" in await ran(hands, f"{ASK} s")
        assert await ran(hands, "python3 -c 'import socket; socket.socketpair(); print(1)'") == "1"
    finally:
        await hands.close()
    way = Egress(("nowhere.example:443",), SandboxSettings().uid, ())
    with pytest.raises(NoSandbox, match="cannot be looked into"):
        await Executor.start(folder, egress=way)
    await way.close()


def _dig(folder: Path, depth: int) -> None:
    """Folders whose paths together are longer than the kernel takes."""
    code = "import os, sys\nfor _ in range(int(sys.argv[1])): os.mkdir('n' * 200); os.chdir('n' * 200)"
    subprocess.run([sys.executable, "-c", code, str(depth)], cwd=folder, check=True)
