"""The border in bubblewrap's words. Later binds win, so the order matters."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from codebutler.sandbox import host, seccomp
from codebutler.sandbox.inside import (
    CONSTANTS,
    DATA,
    ETC,
    GIT_FILES,
    GIT_FOLDERS,
    HIDDEN_PROC,
    HOME,
    OFFLINE,
    ONLINE,
    PDF,
    PROXY,
    REPOSITORY,
    RG,
    STATE,
    TOOLS,
    UID,
)
from codebutler.sandbox.job import Job
from codebutler.sandbox.outfit import IGNORE, TREE, fits
from codebutler.sandbox.settings import MIB
from codebutler.sandbox.worktree import GitParts, clean_config, existing, modules, object_folders


class Stage(Protocol):
    """Readies a source for bwrap."""

    def __call__(self, path: Path, needed: bool, *, by_path: bool = False) -> tuple[str, str]:
        """What follows ``--bind`` or ``--ro-bind``: nothing and a path, or ``-fd`` and a descriptor."""
        ...


class Profile:
    """Collects bwrap's arguments. ``stage`` says how a source is bound and where it is found then, and
    ``data`` turns bytes into a descriptor that bwrap reads them from."""

    def __init__(self, job: Job, stage: Stage, data: Callable[[bytes], int]) -> None:
        """Builds the whole profile; ``arguments`` is the result."""
        self.job, self.stage, self.data = job, stage, data
        self.arguments: list[str] = []
        self.sealed: list[str] = []
        self.sockets = job.sockets()
        self._namespaces()
        self._system()
        visible = self._programs()
        self._environment(visible)
        self._repository()
        self._dress()
        self._seal()

    def add(self, *arguments: str | Path) -> None:
        """Append to the command line."""
        self.arguments += map(str, arguments)

    def show(self, source: Path, target: Path | str = "") -> None:
        """Bind read-only, at the same path unless told otherwise."""
        kind, found = self.stage(source, False)
        self.add(f"--ro-bind{kind}", found, target or source)

    def tmpfs(self, target: Path | str, size: int, mode: str = "0755") -> None:
        """A private, bounded folder in memory."""
        self.add("--perms", mode, "--size", str(size), "--tmpfs", target)

    def file(self, target: Path | str, content: bytes) -> None:
        """A made-up read-only file."""
        self.add("--perms", "0644", "--ro-bind-data", str(self.data(content)), target)

    def _namespaces(self) -> None:
        self.add("--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--as-pid-1")
        self.add(
            "--new-session",
            "--cap-drop",
            "ALL",
            "--uid",
            str(UID),
            "--gid",
            str(UID),
            "--hostname",
            "sandbox",
        )
        rules = seccomp.assembled(
            allow_ptrace=self.job.settings.allow_ptrace, unix_sockets=not self.sockets.unseen
        )
        self.add("--seccomp", str(self.data(rules)), "--clearenv")

    def _system(self) -> None:
        settings = self.job.settings
        self.add("--ro-bind", "/usr", "/usr")
        for name in ("bin", "lib", "lib32", "lib64", "sbin"):
            path = Path("/", name)
            if path.is_symlink():
                self.add("--symlink", path.readlink(), path)
            elif path.is_dir():
                self.add("--ro-bind", path, path)
        for name in ETC:
            if Path("/etc", name).exists():
                self.add("--ro-bind", f"/etc/{name}", f"/etc/{name}")
        for target, text in DATA.items():
            self.file(target, text.encode())
        self.add("--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys")
        for name in HIDDEN_PROC:
            if Path("/proc", name).exists():
                self.add("--ro-bind", "/dev/null", f"/proc/{name}")
        self.add("--dev", "/dev")
        self.sealed.append("/dev")
        self.tmpfs("/dev/shm", 256 * MIB, "1777")  # noqa: S108 - the sandbox's own
        self.tmpfs("/tmp", settings.tmp_size, "1777")  # noqa: S108 - the sandbox's own
        self.tmpfs("/var/tmp", settings.tmp_size, "1777")  # noqa: S108 - the sandbox's own
        self.tmpfs(HOME, settings.home_size)
        self.tmpfs(STATE, settings.state_size, "0700")

    def _programs(self) -> list[Path]:
        visible = host.visible(self.job.settings.show)
        for folder in visible:
            self.show(folder)
        self.show(host.program(self.job.settings.tools), TOOLS)
        self.show(host.ripgrep(), RG)
        if (parser := host.pdf_parser()) is not None:
            self.show(parser, f"{PDF}/{parser.name}")
        if self.job.proxy is not None:
            self.show(self.job.proxy, PROXY)
        return visible

    def _environment(self, visible: list[Path]) -> None:
        homes = {".pyenv": "PYENV_ROOT", ".rustup": "RUSTUP_HOME", ".asdf": "ASDFDATA_DIR"}
        extra = {homes[each.name]: str(each) for each in visible if each.name in homes}
        network = ONLINE if self.job.proxy else OFFLINE
        own = self.job.outfit.environment
        environment = {"PATH": host.search_path(visible), **CONSTANTS, **network, **extra, **own}
        for key, value in environment.items():
            self.add("--setenv", key, value)
        if self.job.program is not None and self.job.program.environment:
            # Through a descriptor: a command line can be read by everybody on the host.
            words = [w for pair in self.job.program.environment.items() for w in ("--setenv", *pair)]
            self.add("--args", str(self.data("".join(f"{word}\0" for word in words).encode())))

    def _repository(self) -> None:
        root, git = self.job.root, self.job.git
        inside = git is not None and git.common.is_relative_to(root)
        if git is not None and not inside:
            self._common(git)
        kind, found = self.stage(root, True)
        self.add(f"--ro-bind{kind}" if self.job.read_only else f"--bind{kind}", found, root)
        for path in self.sockets.live:
            self.add("--ro-bind", "/dev/null", path)
        if existing(root, (".git",), "file"):
            self.show(root / ".git")
        for hidden in self.job.unbelieved():
            self.tmpfs(hidden, MIB)
            self.sealed.append(str(hidden))
        if git is not None and inside:
            self._common(git)
        self._own_records()

    def _common(self, git: GitParts) -> None:
        at = REPOSITORY if self.job.scratch else git.common
        gitdir = at / git.gitdir.relative_to(git.common)
        self._folder(git.common, ("index",) if git.gitdir == git.common else (), at)
        if git.gitdir != git.common:
            self.show(git.gitdir, gitdir)
            for path in existing(git.gitdir, ("modules",), "dir"):
                self.tmpfs(gitdir / path.name, MIB)
                self.sealed.append(str(gitdir / path.name))
        for path in existing(git.gitdir, ("config.worktree",), "file"):
            self.file(gitdir / path.name, clean_config(path))
        if self.job.scratch:
            self.tmpfs(git.common, self.job.settings.state_size)
        for top in {git.common, git.gitdir}:
            for module in modules(top):
                self._folder(module, ("index",), module)

    def _folder(self, folder: Path, more: tuple[str, ...], at: Path) -> None:
        """A repository's folder put together anew: what is not listed here does not exist inside.

        Masking single files of the real folder would not do: when the host replaces such a file
        (as every ``git config`` does), the kernel drops the mask.
        """
        self.tmpfs(at, MIB)
        self.sealed.append(str(at))
        for path in existing(folder, GIT_FOLDERS, "dir"):
            self.show(path, at / path.name)
        for path in existing(folder, (*GIT_FILES, *more), "file"):
            self.show(path, at / path.name)
        self.file(at / "config", clean_config(folder / "config"))
        self.add("--dir", at / "hooks")
        borrowed = object_folders(folder, self.job.git.lenders if self.job.git else ())[1:]
        for store in borrowed:
            if not store.is_relative_to(self.job.root):
                self.show(store)
        if borrowed and at != folder:  # what is listed there may be relative to where it really lies
            self.file(at / "objects/info/alternates", "".join(f"{each}\n" for each in borrowed).encode())

    def _own_records(self) -> None:
        """A person's checkout holds our store and other threads' worktrees: not for this sandbox."""
        own = self.job.root / ".codebutler"
        if not self.job.keeps_records:
            return
        self.tmpfs(own, MIB)
        self.sealed.append(str(own))
        for path in existing(own, ("prompts", "memory", "roles", "journals", "images"), "dir"):
            self.show(path)
        for path in existing(own, ("config.json",), "file"):
            self.show(path)

    def _dress(self) -> None:
        """Layers, but for those whose place in the worktree is taken by a file or a link."""
        outfit, root = self.job.outfit, self.job.root
        for layer in outfit.layers:
            if not fits(root, layer.target):
                continue
            kind, found = self.stage(layer.source, layer.how == "bind", by_path=layer.how == "overlay")
            if layer.how == "overlay":
                self.add("--overlay-src", found, "--tmp-overlay", layer.target)
            else:
                self.add(f"--bind{kind}" if layer.how == "bind" else f"--ro-bind{kind}", found, layer.target)
        if outfit.tree:
            self.add("--symlink", root, TREE)
        self.file(IGNORE, "".join(f"/{each}\n" for each in outfit.inside(root)).encode())

    def _seal(self) -> None:
        for target in (*self.sealed, "/"):
            self.add("--remount-ro", target)
        self.add("--chdir", self.job.root, "--", *command(self.job, TOOLS, STATE, RG, PDF))


def command(job: Job, tools: str, state: str, rg: str, pdf: str) -> list[str]:
    """How the executor program itself is started, with its configuration as the one argument."""
    config = configuration(job, state, rg, pdf)
    if job.program is not None:
        spec = {"limits": config["limits"], "proxy": config["proxy"], "exec": job.program.words}
        return [str(host.interpreter()[0]), "-I", "-S", tools, "guest", json.dumps(spec)]
    return [str(host.interpreter()[0]), "-I", "-S", tools, json.dumps(config)]


def configuration(job: Job, state: str, rg: str, pdf: str) -> dict[str, Any]:
    """What the executor is told: ``Config`` of tools/workspace.py."""
    return {
        "root": str(job.root),
        "state": state,
        "rg": rg,
        "pdf": pdf if host.pdf_parser() else "",
        "read_only": job.read_only,
        "gitdir": str(job.gitdir() or ""),
        "proxy": PROXY if job.proxy and job.settings.tier == "bwrap" else "",
        "covered": job.outfit.inside(job.root),
        "path": list(job.outfit.path),
        "objects": "\0".join(map(str, job.objects())),
        "scratch": str(job.git.common) if job.git and job.scratch else "",
        "limits": job.settings.limits if job.settings.tier == "bwrap" else {},
    }
