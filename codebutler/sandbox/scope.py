"""A memory and task limit for the whole sandbox, where systemd offers this user a scope of its own.

The limits in the executor hold for each process; only a cgroup bounds their sum.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path


def offered(
    env: Mapping[str, str], *, uid: int, cgroups: Path = Path("/sys/fs/cgroup")
) -> dict[str, str] | None:
    """What systemd-run needs of the environment; None where there is no user scope to be had.

    ``cgroups`` is where cgroup v2 is mounted. Root has no user manager as a rule, and gets none here.
    """
    runtime = env.get("XDG_RUNTIME_DIR", f"/run/user/{uid}")
    ready = (Path(runtime, "systemd/private"), cgroups / "cgroup.controllers")
    if uid == 0 or shutil.which("systemd-run", path=env.get("PATH", os.defpath)) is None:
        return None
    if not all(os.access(path, os.R_OK) for path in ready):
        return None
    bus = {"XDG_RUNTIME_DIR": runtime, "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}
    return {**bus, "PATH": env.get("PATH", os.defpath)}


def wrapped(argv: Sequence[str], *, memory: int, tasks: int, weight: int = 50) -> list[str]:
    """``argv`` in a scope: ``memory`` bytes without swap, ``tasks`` threads, a share of CPU (100 is usual).

    ``env -i`` keeps the bus's address out of the sandbox's own processes.
    """
    properties = {"MemoryMax": memory, "MemorySwapMax": 0, "TasksMax": tasks, "CPUWeight": weight}
    words = [word for key, value in properties.items() for word in ("--property", f"{key}={value}")]
    return [
        "systemd-run",
        "--user",
        "--scope",
        "--quiet",
        "--collect",
        *words,
        "--",
        "/usr/bin/env",
        "-i",
        *argv,
    ]
