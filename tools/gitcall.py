"""How git is called for the daemon: with settings and an environment that nobody in here chooses."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator

import limits
from children import Captured
from faults import Fault
from oddfiles import Stuck, odd_files
from records import Records
from workspace import Workspace

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",  # else one of the home, which commands write
    "core.untrackedCache": "false",
    "core.splitIndex": "false",
    "core.trustctime": "true",  # a command sets every other mark by which git sees that a file has changed
    "core.checkStat": "default",
    "gc.auto": "0",
    "advice.addEmbeddedRepo": "false",
    "checkout.workers": "0",
}
SETTINGS = [each for key, value in _SETTINGS.items() for each in ("-c", f"{key}={value}")]

_GONE = re.compile(rb"(?:unable to stat '(.+)'|open\(\"(.+)\"\)): (?:No such file|Not a directory)")


class Git:
    """Git on one worktree, with an index and an object store of the daemon's own."""

    def __init__(self, space: Workspace) -> None:
        """Nothing is made until the first use."""
        self.space = space
        self.records = Records(space.config.state)
        self.waits_for: list[str] = []
        self.fleeting: list[str] = []

    def git(
        self, *arguments: str, stdin: int = -1, stdout: int = -1, limit: int = limits.NAMES_RAW
    ) -> Captured:
        """Run git with the private index and objects. The result may have any exit code."""
        if not self.space.config.gitdir:
            raise Fault("this folder belongs to no git repository")
        self.waits_for = []
        fresh = self.records.ours() or not self.records.stamp()
        done = self.space.children.capture(
            ["git", *SETTINGS, *arguments],
            env=environment(self.space, self.records.index, self.records.objects),
            stdin=stdin,
            stdout=stdout,
            limit=limit,
            timeout=limits.GIT_TIMEOUT,
            doubt=self._stuck,
        )
        if fresh:  # git takes over what else an index says, and it may be a command that says it
            self.records.accept()
        if done.cut and self.waits_for:
            self.records.begin()  # it was killed in the middle of its records
            names = ", ".join(self.waits_for[:3])
            raise Stuck(f"git would wait for ever for {names}, a pipe or a device: remove it")
        return done

    def add_all(self, *aside: str) -> Captured:
        """``git add`` of all but the pathspecs ``aside``; again where a file goes away while git looks.

        What always does is left aside: commands in the background make and rename files all the time.
        """
        gone, out = dict[str, None](), list[str]()
        for tries in range(limits.GONE_TRIES):
            done = self.git("add", "--all", "--ignore-errors", "--", ".", *aside, *out)
            found = _GONE.search(done.err) if done.code else None
            if found is None:
                break
            gone[os.fsdecode(found[1] or found[2])] = None
            out = [f":(exclude,literal){name}" for name in gone] if tries > 2 else []
        self.fleeting = list(gone) if out else []
        return done

    def _stuck(self) -> bool:
        """Whether the worktree holds what git opens by its name, and what never answers.

        A look at the whole tree: only when git takes long.
        """
        self.waits_for = [*odd_files(self.space.root), *odd_files(self.records.home, everywhere=True)]
        return bool(self.waits_for)

    def run(self, *arguments: str, stdin: int = -1, stdout: int = -1) -> bytes:
        """Like ``git``, but anything other than success is a Fault."""
        result = self.git(*arguments, stdin=stdin, stdout=stdout)
        if result.code != 0 or result.cut:
            message = result.err.decode("utf-8", "replace").strip() or f"exit code {result.code}"
            raise Fault(f"git {arguments[0]}: {limits.clip(message, 6, 1000)}")
        return result.out


def environment(space: Workspace, index: str, objects: str) -> dict[str, str]:
    """For git on the worktree, with an index and an object store of our own."""
    kept = ("PATH", "HOME", "LANG", "GIT_CONFIG_SYSTEM")
    return {
        **{key: os.environ[key] for key in kept if key in os.environ},
        "GIT_DIR": space.config.gitdir,
        "GIT_WORK_TREE": space.root,
        "GIT_INDEX_FILE": index,
        "GIT_OBJECT_DIRECTORY": objects,
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quoted(space.config.objects),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }


@contextlib.contextmanager
def listed(names: Iterable[bytes]) -> Iterator[int]:
    """A descriptor from which git reads the names, each with a null byte behind it."""
    fd = os.memfd_create("names", os.MFD_CLOEXEC)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(b"".join(name + b"\0" for name in names))
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def _quoted(paths: str) -> str:
    """A colon-separated list of paths, as git wants it when a path holds a colon or a quote."""
    quoted = []
    for path in paths.split("\0"):
        plain = not re.search(r'[:"\\\n]', path)
        quoted.append(
            path if plain else '"' + path.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") + '"'
        )
    return ":".join(quoted)
