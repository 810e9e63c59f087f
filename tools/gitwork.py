"""Git for the daemon, inside the sandbox: fill a worktree, compare it, and pack what it holds.

The repository's own folder is read-only here. The index and new objects are private to this executor;
what a hostile worktree (attributes, nested repositories) makes git do, it does in here.
Nothing that this module returns is trusted outside: the daemon imports the pack with ``--strict``.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Any

import limits
from children import Captured
from faults import Fault, ProtocolFault
from gitcall import Git, listed
from leftout import batches, has_strays, ignored, left_out, named, nested, take_ignored
from oddfiles import Stuck
from scratch import copy
from stillness import Stillness
from walking import walk
from workspace import Workspace

_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_PLAIN = "--ignore-submodules=none"
"""Spoken out, it keeps git from asking a .gitmodules file, which the agent may have written."""
_SUBMODULES = 100
_LINK_MODE = (0o160000).to_bytes(4, "big")
_KINDS = {"A": "added", "D": "deleted"}


def sha(value: object) -> str:
    """A full object name: no argument can be taken for an option."""
    if not isinstance(value, str) or not _SHA.fullmatch(value):
        raise ProtocolFault(-32602, "a full object name is needed")
    return value


def _paths(value: object) -> list[str]:
    """A list of paths, each without the byte that ends names."""
    if isinstance(value, list) and all(isinstance(each, str) and "\0" not in each for each in value):
        return value
    raise ProtocolFault(-32602, "paths must be a list of strings")


class GitWork(Git):
    """The private index and object store of one executor."""

    def __init__(self, space: Workspace) -> None:
        """Nothing is made until the first use."""
        super().__init__(space)
        self._looked_through: tuple[int, ...] = ()  # the index that was last brought in line, by its stamp
        self._told: list[str] | None = None  # what could not be taken then; None while that is not known
        self._stillness = Stillness(space)
        self._behind: set[bytes] = set()  # files that changed since, as the kernel told
        self._level, self._news = "", set[bytes]()  # the last tree, and the files that changed since
        self._unindexed = set[bytes]()  # those that trees had without the index
        self._linked = False  # one of the files that changed is also another

    def fill(self, params: dict[str, Any]) -> dict[str, Any]:
        """Write all files of ``commit`` into the worktree, which holds nothing (but ``.git``) yet."""
        commit = sha(params.get("commit"))
        if set(os.listdir(self.space.root)) - {".git"}:
            raise Fault("the worktree is not empty")
        self.records.begin()
        self.run("read-tree", "--reset", "-u", "--no-sparse-checkout", commit)
        return {}

    def stage(self, base: str, *, still: bool = False) -> list[str]:
        """Bring the private index in line with the worktree; returns what could not be taken.

        ``still``: only those files are looked at that can have changed since they were.
        """
        changed = self.behind()
        names = changed if still else None
        told, self._told = self._told, None
        self._hash_unindexed()
        if told is not None and names is not None and (not names or (not told and self._take(names))):
            self._told = told
            return told
        self._behind, self._level, self._linked = set(), "", False
        self._stillness.look(soon=still)
        self._told = told = self._stage(base)
        return told

    def behind(self) -> set[bytes] | None:
        """The files of which the index may not know the present content; None: of any."""
        names = self._stillness.changed() if self._told is not None and self._is_in_line() else None
        if names is None:
            self._behind |= self._stillness.told
            return None
        self._behind |= names
        self._news |= names
        # the kernel tells nothing of a file's other names
        self._linked |= any(found.st_nlink > 1 for name in names if (found := self._stat(name)))
        return None if self._linked else self._behind

    def _hash_unindexed(self) -> None:
        """Bring into the index what changed, whatever its times and size say: git itself takes a file for
        unchanged whose times were set back to those of before, within a second.
        """
        here, suspects = {name for name in self._unindexed if self._is_there(name)}, sorted(self._set_back())
        self._unindexed = set()
        if not self.records.ours():  # it is begun anew, and all files are hashed
            return
        for some in batches(suspects):
            known = self.git("--literal-pathspecs", "ls-files", "-z", "--", *map(os.fsdecode, some))
            here.update(set(some).intersection(known.out.split(b"\0")))
        if here:
            with listed(here) as names:
                given = ("--pathspec-from-file=-", "--pathspec-file-nul")
                done = self.git("--literal-pathspecs", "add", "--renormalize", *given, stdin=names)
            if done.code != 0 or done.cut:
                self.records.begin()  # an index that knows of nothing has all files hashed

    def _set_back(self) -> list[bytes]:
        """Files that changed since the index was written, with times from before that."""
        found = [
            (name, seen) for name in self._behind if (seen := self._stat(name)) and stat.S_ISREG(seen.st_mode)
        ]
        written = self.records.stamp()[2:3]
        return [name for name, seen in found if written and seen.st_mtime_ns < written[0]]

    def _stat(self, name: bytes) -> os.stat_result | None:
        try:
            return os.lstat(os.path.join(os.fsencode(self.space.root), name))
        except OSError:
            return None

    def _is_in_line(self) -> bool:
        return self.records.ours() and self.records.stamp() == self._looked_through

    def _take(self, names: set[bytes]) -> bool:
        """Bring these files alone in line; False, and nothing done, if one is not in the index yet."""
        if not self.records.ours():
            return False
        with listed(names) as given:
            options = ("--remove", "--ignore-skip-worktree-entries", "-z", "--stdin")
            done = self.git("update-index", *options, stdin=given)
        self._looked_through, self._behind, self._level = self.records.stamp(), set(), ""
        return done.code == 0 and not done.cut

    def _stage(self, base: str) -> list[str]:
        if not self.records.ours():  # a command's index could hide what it did
            self.records.begin()
            if not self._borrow_index():
                self.run("read-tree", base)
        try:
            result = self.add_all()
        except Stuck:
            return self._around_pipes(base)
        return self._staged(base, result)

    def _around_pipes(self, base: str) -> list[str]:
        """Nested repositories with a pipe where git wants a file are left out, whole."""
        odd = sorted({each.partition("/.git/")[0] for each in self.waits_for if "/.git/" in each})
        aside = [f":(exclude,literal){name}" for name in odd]
        result = self.add_all(*aside)
        why = "pipes or devices lie in its records"
        told = [f"nested repository left out, {why}: '{name}'" for name in odd]
        return told + self._staged(base, result)

    def _staged(self, base: str, result: Captured) -> list[str]:
        """What is to be told of ``git add``, once what it cannot take is out of the index."""
        if result.code == 128:
            result = self._around_nested(result)
        if result.code not in (0, 1) or result.cut:
            raise Fault(f"git add: {limits.clip(result.err.decode('utf-8', 'replace'), 6, 1000)}")
        told = left_out(result.err.decode("utf-8", "replace"), failed=result.code == 1)
        told += [
            f"not saved, it comes and goes: '{x}'" for x in self.fleeting if self._is_there(os.fsencode(x))
        ]
        if self.records.stamp() != self._looked_through:  # git writes an index anew, or leaves it alone
            self._uncover()
            told += self._drop_nested(base)
            self._looked_through = self.records.stamp()
        return told + self._in_submodules()

    def _borrow_index(self) -> bool:
        """Start from the worktree's own index: it knows which files are unchanged, and sparse checkouts."""
        source = os.path.join(self.space.config.gitdir, "index")
        if not os.path.isfile(source):
            return False
        copy(source, self.records.index)
        self.records.accept()
        if self.git("ls-files", "--error-unmatch", "--", ":(exclude)*").code in (0, 1):
            self._look_at_all()
            return True
        os.unlink(self.records.index)
        return False

    def _look_at_all(self) -> None:
        """Take back a person's word that files need not be looked at, where they are: work would be lost."""
        told = self.run("ls-files", "-v", "-z").split(b"\0")
        here = [each[2:] for each in told if each[:1] in b"Ssh" and each and self._is_there(each[2:])]
        for option in ("--no-assume-unchanged", "--no-skip-worktree") if here else ():
            with listed(here) as names:
                self.run("update-index", option, "-z", "--stdin", stdin=names)

    def _is_there(self, name: bytes) -> bool:
        return self._stat(name) is not None

    def _around_nested(self, failed: Captured) -> Captured:
        """A nested folder's broken ``.git``, or one without a commit, stops git add: add all the rest.

        A name that git gives may be that of a submodule, which then stays as the base has it.
        """
        named = re.findall(rb"'(.+)/' does not have a commit checked out", failed.err)
        excluded = {os.fsdecode(name) for name in named} | set(self._unborn())
        if not excluded:
            return failed
        aside = [f":(exclude,literal){name}" for name in sorted(excluded)]
        return self.add_all(*aside)

    def _in_submodules(self) -> list[str]:
        """Work in a submodule's folder is not this repository's, and nobody may think that it is saved."""
        if not os.path.isfile(os.path.join(self.space.root, ".gitmodules")):
            return []
        paths = self.git("config", "-z", "-f", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$")
        names = [os.fsdecode(each.partition(b"\n")[2]) for each in paths.out.split(b"\0") if each]
        here = [f":(literal){name}" for name in names[:_SUBMODULES] if name and not name.startswith("/")]
        listed = self.git("ls-files", "-s", "-z", "--", *here).out.split(b"\0") if here else []
        links = [os.fsdecode(each.partition(b"\t")[2]) for each in listed if each.startswith(b"160000 ")]
        stray = [name for name in links if has_strays(os.path.join(self.space.root, name))]
        changed = self.git(
            "diff-files", _PLAIN, "--name-only", "-z", "--", *(f":(literal){each}" for each in links)
        )
        dirty = [os.fsdecode(each) for each in changed.out.split(b"\0") if each] if links else []
        return [f"not saved, it lies in a submodule: '{name}'" for name in sorted({*stray, *dirty})]

    def _uncover(self) -> None:
        """What lies over the worktree is no part of it. It is ignored (/etc/gitconfig), unless the worktree's
        own .gitignore says otherwise; a pathspec that excludes it would make git complain of ignored files.
        """
        if covered := [f":(literal){name}" for name in self.space.config.covered]:
            self.run("rm", "-r", "--cached", "--quiet", "--ignore-unmatch", "--", *covered)

    def _unborn(self) -> list[str]:
        """Nested folders with a ``.git`` of their own, all of them: git names only the first."""
        found = []
        covered = {os.path.join(self.space.root, name) for name in self.space.config.covered}
        for folder, folders, files in walk(self.space.root):
            if folder in covered:
                folders.clear()
                continue
            if folder != self.space.root and ".git" in (*folders, *files):
                found.append(os.path.relpath(folder, self.space.root))
                folders.clear()
            folders[:] = [each for each in folders if each != ".git"]
        return found

    def _drop_nested(self, base: str) -> list[str]:
        """Nested repositories are nobody's submodules: leave them out unless the base has them."""
        if not self._may_hold_links():
            return []
        raw = self.run(
            "diff-index", "--cached", _PLAIN, "--raw", "-z", "--no-renames", "--diff-filter=AT", base
        )
        fields = raw.split(b"\0")
        links = [name for meta, name in zip(fields[::2], fields[1::2], strict=False) if b" 160000 " in meta]
        for name in links:
            self.run("update-index", "--force-remove", "--", os.fsdecode(name))
        return [nested(name.decode("utf-8", "replace")) for name in links]

    def _may_hold_links(self) -> bool:
        """Whether the mode of a nested repository's entry occurs in the index at all."""
        with open(self.records.index, "rb") as file:
            return _LINK_MODE in file.read()

    def status(self, params: dict[str, Any]) -> dict[str, Any]:
        """Paths that differ from the commit ``base``, and those of ``wrote`` that no commit takes in."""
        base, wrote = sha(params.get("base")), _paths(params.get("wrote", []))
        skipped = self.stage(base)
        asked = ("diff-index", "--cached", _PLAIN, "--name-status", "-z", "--no-renames", base)
        raw = self.run(*asked).split(b"\0")
        gone = [name for kind, name in zip(raw[::2], raw[1::2], strict=False) if kind == b"D"]
        if take_ignored(self.run, gone, self.space.config.covered):
            raw = self.run(*asked).split(b"\0")
        skipped = [*skipped, *ignored(self.run, wrote)]  # the list itself is what a still look tells again
        changes = [
            {"path": name.decode("utf-8", "replace"), "kind": _KINDS.get(kind.decode(), "modified")}
            for kind, name in zip(raw[::2], raw[1::2], strict=False)
        ]
        # What git cannot take is work all the same: nobody may think that the folder can go.
        more = sorted(named(skipped) - {each["path"] for each in changes})
        changes += [{"path": name, "kind": "added"} for name in more]
        return {"changes": changes, "skipped": skipped[:50]}

    def diff(self, params: dict[str, Any]) -> dict[str, Any]:
        """A text diff against the commit ``base``, with head and tail kept."""
        base, paths = sha(params.get("base")), _paths(params.get("paths", []))
        self.stage(base)
        arguments = ("diff", "--cached", _PLAIN, "--no-ext-diff", "--no-textconv", "--no-color", base, "--")
        raw = self.run(*arguments, *(f":(literal){each}" for each in paths))
        return {"diff": limits.clip(raw.decode("utf-8", "replace"), 1_000_000, limits.DIFF_BYTES)}
