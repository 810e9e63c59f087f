"""What the systemd unit forbids the service does not break the sandbox that it starts."""

from __future__ import annotations

import subprocess
import sys

from codebutler.assets import text

UNDER = """
import asyncio, ctypes
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_NO_NEW_PRIVS = 38
assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
from codebutler.sandbox.probe import probe
from codebutler.sandbox.settings import SandboxSettings
found = asyncio.run(probe(SandboxSettings.from_host()))
print(found.problem or [c.name for c in found.checks if not c.ok] or "holds")
"""


def test_the_sandbox_holds_without_new_privileges() -> None:
    assert "NoNewPrivileges=yes" in text("service-templates", "codebutler.service")
    done = subprocess.run([sys.executable, "-P", "-c", UNDER], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("holds\n", "")
