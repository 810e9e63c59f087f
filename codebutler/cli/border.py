"""The sandbox of commands that work on a folder, without a repo's configuration and without a thread."""

from __future__ import annotations

import sys

from codebutler.errors import ConfigError
from codebutler.sandbox.configured import tool_settings
from codebutler.sandbox.settings import SandboxSettings


def announced() -> SandboxSettings:
    """The settings for a single command on a folder, which never opens the network. Where the border is not
    whole, that is said on standard error.

    A configuration that cannot be read leaves the border whole: it could only have weakened it.
    """
    try:
        settings = tool_settings()
    except ConfigError as error:
        settings = SandboxSettings.from_host()
        print(f"codebutler: {error} The sandbox is used as it is shipped.", file=sys.stderr)
    if settings.banner:
        print(f"codebutler: {settings.banner}", file=sys.stderr)
    return settings
