"""Root's way into the sandbox, as a program of its own. Standard library only, and little of it: each sandbox
waits for this program's imports.

The sandbox is never root. This small process makes a private mount namespace, puts every source that
bubblewrap will bind where an unprivileged user can reach it, becomes that user, and turns into bubblewrap.
A source that belongs to somebody else is mounted with its owner mapped to that user, so that what is
written there belongs to its owner. Nothing on disk is changed.

``python -I -S asroot.py UID COUNT SOURCE… ARGV…``: each of COUNT sources is three words, its path, target,
and "needed" or "": without its mapping the start must fail.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

MAPPING_REFUSED = "codebutler: owner mapping refused"
NO_NAMESPACE = "codebutler: no user namespace for the owner mapping"
NO_RIGHTS = "codebutler: root may not prepare the sandbox"
STAGE = "/tmp"  # noqa: S108 - a tmpfs of our own in a private mount namespace

_NEWNS, _NEWUSER = 0x00020000, 0x10000000
_REC, _PRIVATE, _NOSUID, _NODEV = 0x4000, 0x40000, 2, 4
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR, _OPENAT2 = 428, 429, 442, 437
_CLONE, _CLOEXEC, _EMPTY_PATH, _RECURSIVE = 1, os.O_CLOEXEC, 0x1000, 0x8000
_MOVE_EMPTY_PATH = 4
_NO_SYMLINKS = 0x04
_IDMAP = 0x00100000

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _SIGKILL = 1, 9


class _Attributes(ctypes.Structure):
    """struct mount_attr"""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "userns"))


class _How(ctypes.Structure):
    """struct open_how"""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("flags", "mode", "resolve"))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def open_real(path: str) -> int:
    """Open ``path``, which was resolved before: a symlink in it now is an attack."""
    how = _How(os.O_PATH | os.O_CLOEXEC, 0, _NO_SYMLINKS)
    call = _libc.syscall(_OPENAT2, -100, path.encode(), ctypes.byref(how), ctypes.sizeof(how))
    return _checked(call)


def user_namespace(uid: int, gid: int, owner: int, group: int) -> int:
    """A user namespace in which the owner on disk is the sandbox's user outside."""
    ready, go = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        _libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
        os.close(go[1])  # or it would wait for itself when its parent is killed
        failed = _libc.unshare(_NEWUSER) != 0
        os.write(ready[1], b"x" if failed else b".")
        os.read(go[0], 1)
        os._exit(0)
    try:
        if os.read(ready[0], 1) != b".":
            raise OSError("no user namespace can be made")
        for kind, inner, outer in (("gid", group, gid), ("uid", owner, uid)):
            with open(f"/proc/{child}/{kind}_map", "w", encoding="ascii") as table:
                table.write(f"{inner} {outer} 1")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.write(go[1], b".")
        os.waitpid(child, 0)
        for fd in (*ready, *go):
            os.close(fd)


def clone_mount(fd: int) -> int:
    """A detached copy of the mount at ``fd``."""
    return _checked(_libc.syscall(_OPEN_TREE, fd, b"", _CLONE | _CLOEXEC | _EMPTY_PATH))


def map_owner(mount: int, namespace: int) -> None:
    """Show the mount with its owner mapped. Raises OSError where the file system cannot."""
    attributes = _Attributes(_IDMAP, 0, 0, namespace)
    size = ctypes.sizeof(attributes)
    _checked(_libc.syscall(_MOUNT_SETATTR, mount, b"", _EMPTY_PATH, ctypes.byref(attributes), size))


class Stage:
    """The private mount namespace and what was put there."""

    def __init__(self, uid: int) -> None:
        """Enters the namespace; from here on no mount is seen outside."""
        self.uid = uid
        self.namespaces: dict[tuple[int, int], int] = {}
        _checked(_libc.unshare(_NEWNS))
        _checked(_libc.mount(b"none", b"/", None, _REC | _PRIVATE, None))

    def take(self, path: str, *, needed: bool) -> tuple[int, bool]:
        """A detached mount of ``path`` that the sandbox's user may enter, and whether it is a folder."""
        source = open_real(path)
        info = os.fstat(source)
        mount = clone_mount(source)
        os.close(source)
        if info.st_uid != self.uid:
            self.map(mount, info, path, needed=needed)
        return mount, stat.S_ISDIR(info.st_mode)

    def map(self, mount: int, info: os.stat_result, path: str, *, needed: bool) -> None:
        """Map the owner of ``path``. Where that is ``needed`` and cannot be had, this is the end."""
        try:
            namespace = self.namespace(info.st_uid, info.st_gid)
        except OSError as error:
            if needed:
                sys.exit(f"{NO_NAMESPACE}: {error}")
            return
        try:
            map_owner(mount, namespace)
        except OSError as error:
            if needed:
                sys.exit(f"{MAPPING_REFUSED}: {path}: {error}")

    def namespace(self, owner: int, group: int) -> int:
        """One namespace for each owner."""
        if (owner, group) not in self.namespaces:
            self.namespaces[owner, group] = user_namespace(self.uid, self.uid, owner, group)
        return self.namespaces[owner, group]

    def place(self, mounts: list[tuple[int, bool, str]]) -> None:
        """Put the mounts on a small tmpfs that everybody may enter."""
        _checked(_libc.mount(b"stage", STAGE.encode(), b"tmpfs", _NOSUID | _NODEV, b"mode=0755,size=1m"))
        for mount, is_folder, target in mounts:
            os.makedirs(target if is_folder else target.rpartition("/")[0], mode=0o755, exist_ok=True)
            if not is_folder:
                os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))
            _checked(_libc.syscall(_MOVE_MOUNT, mount, b"", -100, target.encode(), _MOVE_EMPTY_PATH))
            os.close(mount)


def main(words: list[str]) -> NoReturn:
    """Stage, become the sandbox's user, become bubblewrap."""
    uid, count = int(words[0]), int(words[1])
    sources, argv = words[2 : 2 + 3 * count], words[2 + 3 * count :]
    os.umask(0o022)
    try:
        stage = Stage(uid)
    except OSError as error:
        sys.exit(f"{NO_RIGHTS}: {error}")
    # Everything is taken before the stage covers the folder that some sources lie in.
    triples = zip(sources[::3], sources[1::3], sources[2::3], strict=True)
    mounts = [(*stage.take(path, needed=needed != ""), target) for path, target, needed in triples]
    stage.place(mounts)
    os.chdir("/")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.execve(argv[0], argv, {})  # noqa: S606 - no shell is what we want


if __name__ == "__main__":
    main(sys.argv[1:])
