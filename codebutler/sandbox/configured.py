"""What the host's configuration says of the border. A repo has no say in it."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec.structs import replace

from codebutler.config import Config, home_folder, load_config
from codebutler.sandbox.builds import Builds, configured
from codebutler.sandbox.settings import SandboxSettings


def sandbox_settings(config: Config) -> SandboxSettings:
    """The settings of the threads' sandboxes."""
    default = SandboxSettings.from_host()
    return replace(
        default,
        tier=config.sandbox.tier if default.tier == "bwrap" else default.tier,
        uid=config.sandbox.uid or default.uid,
        allow=tuple(config.sandbox.allow),
        private=tuple(config.sandbox.private),
        memory=(config.sandbox.memory_mib or 0) * 2**20,
        show=tuple(map(Path, config.sandbox.show)),
        git_scratch=config.sandbox.git_scratch,
        builds=Builds(configured(config.sandbox.builds)),
    )


def tool_settings() -> SandboxSettings:
    """The same for tools that a person starts by hand, which never open the network.

    Raises ConfigError for a global file that cannot be read.
    """
    config = load_config(None, home=home_folder(os.environ), env=os.environ)
    return replace(sandbox_settings(config), allow=())
