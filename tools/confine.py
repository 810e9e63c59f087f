"""What the executor does to itself before the first request: its own limits and a closed door.

The border is the sandbox around this process; nothing here is needed for it to hold. Limits are per
process and inherited by every command. Non-dumpable means that commands, which run under the same
user, can open neither this process's memory nor its protocol pipes.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Mapping

_PR_SET_DUMPABLE = 4
_LIMITS = {
    "nproc": resource.RLIMIT_NPROC,
    "data": resource.RLIMIT_DATA,
    "fsize": resource.RLIMIT_FSIZE,
    "core": resource.RLIMIT_CORE,
    "nofile": resource.RLIMIT_NOFILE,
}


def take_protocol() -> tuple[int, int]:
    """Move the protocol to descriptors that no command inherits; 0, 1 and 2 become /dev/null."""
    reader = os.dup(0)
    writer = os.dup(1)
    os.set_inheritable(reader, False)
    os.set_inheritable(writer, False)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd, inheritable=True)
    os.close(null)
    return reader, writer


def confine(limits: Mapping[str, int]) -> None:
    """Set the resource limits that the daemon asked for, never above what is allowed already."""
    os.umask(0o022)
    for name, value in limits.items():
        hard = resource.getrlimit(_LIMITS[name])[1]
        wanted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(_LIMITS[name], (wanted, wanted))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
