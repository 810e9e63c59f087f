"""Why no sandbox can be had here, in words that a person can act on."""

from __future__ import annotations

from pathlib import Path

from codebutler.errors import NoSandbox
from codebutler.sandbox.asroot import MAPPING_REFUSED
from codebutler.sandbox.settings import UNSAFE, SandboxSettings

_LAST_RESORT = f"Only if this machine holds nothing of value: {UNSAFE}=1"


def explain(stderr: str, settings: SandboxSettings) -> NoSandbox:
    """The error for a sandbox that did not start, from what bwrap or the launcher printed."""
    lines = [line for line in stderr.strip().splitlines() if line.strip()]
    said = lines[-1][:300] if lines else "it ended without a word"
    if MAPPING_REFUSED in stderr:
        return NoSandbox(
            f"the folder's owner cannot be mapped to the sandbox's user: {said.split(': ', 2)[-1]}",
            fix=f"Run codebutler as the folder's owner, or give the folder to uid {settings.uid} "
            f"(chown -R {settings.uid}).",
        )
    return NoSandbox(f"the sandbox did not start: {said}", fix=f"{_fix(stderr)} {_LAST_RESORT}")


def unscratched(settings: SandboxSettings) -> NoSandbox | None:
    """Why git's records cannot be scratch: without mounts of our own, commands would write the real ones."""
    if not settings.git_scratch or settings.tier == "bwrap":
        return None
    return NoSandbox(
        f"sandbox.gitScratch cannot be had with sandbox.tier {settings.tier}",
        fix="Set sandbox.gitScratch to false, or the tier to bwrap.",
    )


def _fix(stderr: str) -> str:
    lower = stderr.lower()
    if ("max_" in lower and "namespaces" in lower) or "nesting depth" in lower:
        return "User namespaces are off: `sysctl -w user.max_user_namespaces=15000`, kept in /etc/sysctl.d."
    denied = any(words in lower for words in ("uid map", "permission", "not permitted"))
    if denied and _restricted_by_apparmor():
        return (
            "AppArmor keeps user namespaces from unconfined programs (Ubuntu 24.04 and newer): `apt "
            "install bubblewrap` if it is 0.11 or newer, or add an AppArmor profile with `userns,` for the "
            "bwrap that `codebutler doctor` names."
        )
    if (denied or "namespace" in lower or "mount" in lower) and _in_container():
        return (
            "A container needs `--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "--security-opt systempaths=unconfined`, or a seccomp profile that allows clone, unshare, mount."
        )
    if _clone_refused():
        return "User namespaces are off: `sysctl -w kernel.unprivileged_userns_clone=1`."
    if denied or "namespace" in lower:
        return "The kernel refuses user namespaces to this user: allow them, or leave the container."
    return "`codebutler doctor` shows what was tried."


def _in_container() -> bool:
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()


def _restricted_by_apparmor() -> bool:
    return _sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1"


def _clone_refused() -> bool:
    return _sysctl("kernel/unprivileged_userns_clone") == "0"


def _sysctl(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
