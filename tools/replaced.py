"""Trees in which files have other content, made without a process of git: what most checkpoints are.

Index, tree and pack are three processes, 15 ms for which the next command waits. All that is not so plain
stays git's: a file that is new, gone or of another kind, and whatever makes git store other bytes than the
file's own. The formats: https://git-scm.com/docs/gitformat-pack
"""

from __future__ import annotations

import contextlib
import os
import stat
import zlib
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import Any

BYTES = 512 * 1024
"""Of files and trees together: what is inflated and hashed in one go."""
_TREES = 500
_PACKED = {b"tree": 2, b"blob": 3}
_PLAINLY = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER, _FILE, _PROGRAM = b"40000", b"100644", b"100755"
_Entries = dict[bytes, tuple[bytes, int]]
"""By name: mode, and where the object's id begins."""


class NotPlain(Exception):
    """This is for git itself."""


class Replacing:
    """The trees of one worktree, as far as they were needed."""

    def __init__(self, root: str, stores: Sequence[str], ask: Callable[[str], bytes]) -> None:
        """``stores`` are folders of loose objects; ``ask`` gives a tree by its id, from wherever it is."""
        self._root, self._stores, self._ask = os.fsencode(root), stores, ask
        self._known: dict[str, tuple[bytes, _Entries]] = {}

    def tree(self, tree: str, names: Iterable[bytes]) -> tuple[str, bytes, set[bytes]]:
        """``tree`` with the present content of the files ``names``, a pack of what is new, and those of the
        files that are there. NotPlain.
        """
        making = _Making(_spelling(tree))
        made = self._folder(tree, b"", sorted(names), making)
        return made, making.pack(), making.files

    def _folder(self, tree: str, at: bytes, names: list[bytes], making: _Making) -> str:
        """The tree of the folder ``at`` (ends with a slash, or is b"") with those files below it."""
        if os.path.lexists(os.path.join(self._root, at, b".gitattributes")):
            raise NotPlain
        data, entries = self._read(tree, len(tree) // 2)
        changed = bytearray(data)
        below: dict[bytes, list[bytes]] = {}
        for name in names:
            below.setdefault(name[len(at) :].partition(b"/")[0], []).append(name)
        for own, those in below.items():
            mode, place = entries.get(own, (b"", 0))
            if not mode and not os.path.lexists(os.path.join(self._root, at + own)):
                continue  # it came and went, as what is written before it takes a file's place
            old = data[place : place + len(tree) // 2].hex()
            if mode == _FOLDER and those != [at + own]:
                new = self._folder(old, at + own + b"/", those, making)
            elif mode in (_FILE, _PROGRAM) and those == [at + own]:
                new = making.add(b"blob", self._content(at + own, mode), old)
                making.files.add(at + own)
            else:
                raise NotPlain
            changed[place : place + len(new) // 2] = bytes.fromhex(new)
        made = making.add(b"tree", bytes(changed), tree)
        self._remember(made, bytes(changed), entries)
        return made

    def _content(self, name: bytes, mode: bytes) -> bytes:
        with open(os.open(os.path.join(self._root, name), _PLAINLY), "rb") as file:
            found = os.fstat(file.fileno())
            program = bool(found.st_mode & stat.S_IXUSR)
            if not stat.S_ISREG(found.st_mode) or program != (mode == _PROGRAM) or found.st_size > BYTES:
                raise NotPlain
            return file.read(BYTES + 1)

    def _read(self, tree: str, width: int) -> tuple[bytes, _Entries]:
        if tree not in self._known:
            data = self._loose(tree)
            data = self._ask(tree) if data is None else data
            entries: _Entries = {}
            at = 0
            while at < len(data):
                space, end = data.index(b" ", at), data.index(b"\0", at)
                entries[data[space + 1 : end]] = (data[at:space], end + 1)
                at = end + 1 + width
            self._remember(tree, data, entries)
        return self._known[tree]

    def _loose(self, tree: str) -> bytes | None:
        """A tree that lies in a file of its own."""
        for store in self._stores:
            try:
                with open(os.path.join(store, tree[:2], tree[2:]), "rb") as file:
                    raw = zlib.decompressobj().decompress(file.read(BYTES), BYTES)
            except (OSError, zlib.error):
                continue
            head, _, data = raw.partition(b"\0")
            if head == b"tree %d" % len(data):
                return data
        return None

    def _remember(self, tree: str, data: bytes, entries: _Entries) -> None:
        while len(self._known) >= _TREES:
            del self._known[next(iter(self._known))]
        self._known[tree] = (data, entries)


class _Making:
    """The objects that are new."""

    def __init__(self, spell: Callable[[bytes], Any]) -> None:
        self._spell = spell
        self.files = set[bytes]()
        self._entries: list[bytes] = []
        self._size = 0

    def add(self, kind: bytes, data: bytes, old: str) -> str:
        """The id of an object, which is packed unless it is ``old``."""
        self._size += len(data)
        if self._size > BYTES:
            raise NotPlain
        name: str = self._spell(b"%s %d\0" % (kind, len(data)) + data).hexdigest()
        if name != old:
            self._entries.append(_head(_PACKED[kind], len(data)) + zlib.compress(data, 1))
        return name

    def pack(self) -> bytes:
        """All of them."""
        body = b"PACK" + (2).to_bytes(4, "big") + len(self._entries).to_bytes(4, "big")
        body += b"".join(self._entries)
        trailer: bytes = self._spell(body).digest()
        return body + trailer


def _spelling(name: str) -> Any:  # noqa: ANN401 - a function of a C module
    """The hash by which such ids are made."""
    with contextlib.suppress(ImportError):
        if len(name) == 40:
            return import_module("_sha1").sha1  # hashlib loads all of OpenSSL, 4 MB
    import hashlib

    return hashlib.sha1 if len(name) == 40 else hashlib.sha256


def _head(kind: int, size: int) -> bytes:
    """Type and size: four bits of it, then seven in each byte, lowest first; the highest bit: more follow."""
    parts, rest = [kind << 4 | size & 15], size >> 4
    while rest:
        parts[-1] |= 128
        parts.append(rest & 127)
        rest >>= 7
    return bytes(parts)
