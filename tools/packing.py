"""The worktree as a tree of git's and a pack of what is new in it: what a checkpoint is made from outside."""

from __future__ import annotations

import base64
import os
from typing import Any

import limits
from faults import Fault, ProtocolFault
from gitcall import listed
from gitwork import GitWork, sha
from leftout import ignored_since
from replaced import NotPlain, Replacing
from workspace import Workspace

_FEW = 200
"""Files with new content: for more of them git is as fast."""
_CONVERTING = (b"core.autocrlf", b"core.sparsecheckout", b"extensions.compatobjectformat")
_NO = {b"false", b"no", b"off", b"0"}


def _is_ours(name: bytes) -> bool:
    """Whether the daemon may put the file back as it was, which nobody is to work beside."""
    return name.startswith(b".codebutler/")


class Packer(GitWork):
    """The git work of one executor, with trees and packs."""

    def __init__(self, space: Workspace) -> None:
        """Nothing is made until the first use."""
        super().__init__(space)
        self._written: tuple[tuple[int, ...], str] = ((), "")  # the index last written as a tree, and that
        stores = [self.records.objects, *space.config.objects.split("\0")]
        self._plain = Replacing(space.root, stores, lambda tree: self.run("cat-file", "tree", tree))
        self._unlike: bool | None = None  # whether git may store other bytes than a file's, by its settings
        self._attributes = ""  # where the repository's own may lie

    def tree(self, params: dict[str, Any]) -> dict[str, Any]:
        """The worktree as a tree object and a thin pack of what ``base`` lacks, kept for ``pack``."""
        base, still, since = sha(params.get("base")), params.get("still") is True, params.get("since")
        self.records.bound()
        if still and not since and (made := self._replaced(params.get("known"))) is not None:
            return made
        skipped = self.stage(base, still=still)
        if since:
            with listed(ignored_since(self.run, sha(since))) as names:
                self.run("update-index", "--force-remove", "-z", "--stdin", stdin=names)
        tree = self._level = self._tree()
        self._news = set()
        if tree == params.get("known"):
            return self._answer(tree, self.records.new_pack(), skipped)  # the last one is not this one's
        wanted = os.memfd_create("wanted", os.MFD_CLOEXEC)
        target = self.records.new_pack()
        try:
            # the tree, not the commit: with no commit to pack, git would leave out nothing that one holds
            os.write(wanted, f"{tree}\n^{base}^{{tree}}\n".encode())
            os.lseek(wanted, 0, os.SEEK_SET)
            self.run("pack-objects", "--revs", "--thin", "--stdout", "--quiet", stdin=wanted, stdout=target)
        finally:
            os.close(wanted)
        return self._answer(tree, target, skipped)

    def _answer(self, tree: str, pack: int, skipped: list[str]) -> dict[str, Any]:
        """The tree, and a small pack with it: asking for that would wait behind the next command."""
        size = os.fstat(pack).st_size
        if size > limits.PACK_BYTES:
            raise Fault(f"the change is too large: {size} bytes packed")
        first = os.pread(pack, size, 0) if size <= limits.PACK_INLINE else b""
        data = base64.b64encode(first).decode()
        return {"tree": tree, "pack_size": size, "data": data, "skipped": skipped[:50]}

    def _replaced(self, known: str | None) -> dict[str, Any] | None:
        """The answer if ``known`` with other content in a few files is all that there is to say."""
        if not self._level or known != self._level or self._told != [] or self._converts():
            return None
        if self.behind() is None or len(self._news) > _FEW or any(map(_is_ours, self._news)):
            return None
        try:
            tree, pack, files = self._plain.tree(known, self._news)
        except (NotPlain, Fault, OSError, RecursionError, ValueError):  # git says what is wrong
            return None
        self._level, self._news, self._unindexed = tree, set(), self._unindexed | files
        target = self.records.new_pack()
        os.write(target, b"" if tree == known else pack)
        return {**self._answer(tree, target, []), "plain": True}

    def _converts(self) -> bool:
        """Whether git may store other bytes than a file's own, whatever a .gitattributes says."""
        if self._unlike is None:
            said = (each.partition(b"\n") for each in self.run("config", "-z", "--list").split(b"\0"))
            self._unlike = any(key in _CONVERTING and value.lower() not in _NO for key, _, value in said)
            where = self.run("rev-parse", "--git-path", "info/attributes").rstrip(b"\n")
            self._attributes = os.path.join(self.space.root, os.fsdecode(where))
        return self._unlike or os.path.lexists(self._attributes)

    def _tree(self) -> str:
        """The index as a tree; not written again while the index stands as it did."""
        if self.records.stamp() != self._written[0]:
            tree = self.run("write-tree").decode().strip()
            self._looked_through = self.records.stamp()  # write-tree notes in the index which trees it wrote
            self._written = (self._looked_through, tree)
        return self._written[1]

    def pack(self, params: dict[str, Any]) -> dict[str, Any]:
        """One piece of the last pack, in base64, from the byte ``offset`` on."""
        offset = params.get("offset")
        if not isinstance(offset, int) or isinstance(offset, bool) or offset < 0:
            raise ProtocolFault(-32602, "offset must be a number of bytes")
        piece = self.records.piece(offset)
        if piece is None:
            raise Fault("there is no pack: ask for a tree first")
        return {"data": base64.b64encode(piece).decode()}
