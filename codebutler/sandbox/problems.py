"""Why no sandbox can be had here, in words that a person can act on."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Literal

from msgspec import Struct

from codebutler.errors import NoSandbox
from codebutler.sandbox import landlock
from codebutler.sandbox.asroot import MAPPING_REFUSED, NO_NAMESPACE, NO_RIGHTS
from codebutler.sandbox.landlock import CLOSED, NO_LANDLOCK
from codebutler.sandbox.settings import UNSAFE, SandboxSettings

_LAST_RESORT = f"Only if this machine holds nothing of value: {UNSAFE}=1"
_WEAKER = "A weaker border takes no namespaces: sandbox.tier reduced (docs/security.md)."
_USED_UP = (
    "User namespaces are off, or a sandbox around this one forbids them: leave that sandbox, or run "
    "`sysctl -w user.max_user_namespaces=15000` and keep it in /etc/sysctl.d."
)
_CLONE_OFF = "User namespaces are off: `sysctl -w kernel.unprivileged_userns_clone=1`, kept in /etc/sysctl.d."
_APPARMOR = (
    "AppArmor keeps user namespaces from unconfined programs (Ubuntu 24.04 and newer): `apt install "
    "bubblewrap` if it is 0.11 or newer, or add an AppArmor profile with `userns,` for the bwrap that "
    "`codebutler doctor` names (docs/security.md has it)."
)
_DOCKER = (
    "Docker needs `--user 1000 --security-opt seccomp=unconfined --security-opt apparmor=unconfined "
    "--security-opt systempaths=unconfined`, or a seccomp profile that allows clone, unshare, mount."
)
_PODMAN = (
    "Podman needs `--userns=keep-id --security-opt seccomp=unconfined --security-opt unmask=ALL`, with "
    "SELinux also `--security-opt label=disable`."
)
_ON_ITS_HOST = "On the container's host also: `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`."
_AS_A_USER = "Run codebutler as an ordinary user: root lacks the rights here that it has elsewhere."
_LANDLOCK = (
    "The reduced border takes Linux 6.12 or newer with Landlock switched on (`lsm=landlock,…` on the command "
    "line of the kernel)."
)
_DENIED = "The kernel refuses user namespaces to this user: allow them, or leave the container."


class Machine(Struct, frozen=True):
    """What decides which fix is the right one. ``apparmor``: it restricts user namespaces. ``landlock``: it
    is new enough for the reduced border."""

    container: Literal["", "docker", "podman"] = ""
    apparmor: bool = False
    clone_off: bool = False
    landlock: bool = False

    @classmethod
    def here(cls) -> Machine:
        """This one."""
        podman, docker = Path("/run/.containerenv").exists(), Path("/.dockerenv").exists()
        return cls(
            container="podman" if podman else "docker" if docker else "",
            apparmor=_sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1",
            clone_off=_sysctl("kernel/unprivileged_userns_clone") == "0",
            landlock=landlock.abi() >= landlock.LEAST_ABI,
        )


def explain(stderr: str, settings: SandboxSettings, machine: Machine | None = None) -> NoSandbox:
    """The error for a sandbox that did not start, from what bwrap or the launcher printed."""
    lines = [line for line in stderr.strip().splitlines() if line.strip()]
    said = lines[-1][:300] if lines else "it ended without a word"
    if MAPPING_REFUSED in stderr:
        return NoSandbox(
            f"the folder's owner cannot be mapped to the sandbox's user: {said.split(': ', 2)[-1]}",
            fix=f"Run codebutler as the folder's owner, or give the folder to uid {settings.uid} "
            f"(chown -R {settings.uid}).",
        )
    if CLOSED in stderr:
        return NoSandbox(
            f"the sandbox's user, uid {settings.uid}, cannot use {said.split(': ', 2)[-1]}",
            fix="The reduced border cannot show it what only root may enter: keep codebutler and the repo "
            f"where everybody may read (/opt, /srv), chown -R {settings.uid} what it is to write, or run "
            "codebutler as an ordinary user.",
        )
    if NO_LANDLOCK in stderr:
        return NoSandbox(f"the sandbox did not start: {said}", fix=_LANDLOCK)
    if os.strerror(errno.EMFILE) in stderr:
        return NoSandbox(
            f"the sandbox did not start: {said}",
            fix="Raise the limit where codebutler is started, such as with: ulimit -n 1024",
        )
    machine = machine or Machine.here()
    weaker = _WEAKER if machine.landlock and settings.tier == "bwrap" else ""
    fix = " ".join(filter(None, (_fix(stderr, machine), weaker, _LAST_RESORT)))
    return NoSandbox(f"the sandbox did not start: {said}", fix=fix)


def vanished(stderr: str) -> bool:
    """Whether something was gone when it was to be mounted or opened: git replaces its files."""
    return os.strerror(errno.ENOENT) in stderr


def unscratched(settings: SandboxSettings) -> NoSandbox | None:
    """Why git's records cannot be scratch: without mounts of our own, commands would write the real ones."""
    if not settings.git_scratch or settings.tier == "bwrap":
        return None
    return NoSandbox(
        f"sandbox.gitScratch cannot be had with sandbox.tier {settings.tier}",
        fix="Set sandbox.gitScratch to false, or the tier to bwrap.",
    )


def _fix(stderr: str, machine: Machine) -> str:
    lower = stderr.lower()
    if ("max_" in lower and "namespaces" in lower) or "nesting depth" in lower:
        return _USED_UP
    if vanished(stderr):
        return "Say it again; if that does not help: `codebutler doctor` shows what was tried."
    denied = any(words in lower for words in ("uid map", "permission", "not permitted"))
    if not (denied or "namespace" in lower or "mount" in lower or NO_NAMESPACE in stderr):
        return "`codebutler doctor` shows what was tried."
    if machine.clone_off:
        return _CLONE_OFF
    if machine.container:
        fix = _PODMAN if machine.container == "podman" else _DOCKER
        return f"{fix} {_ON_ITS_HOST}" if machine.apparmor else fix
    if NO_RIGHTS in stderr:
        return _AS_A_USER
    return _APPARMOR if machine.apparmor else _DENIED


def _sysctl(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
