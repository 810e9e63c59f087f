"""What the host's own configuration says of the sandbox. A repo has no say in it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from codebutler.config import Config
from codebutler.sandbox.settings import SandboxSettings


def sandbox_settings(config: Config) -> SandboxSettings:
    """The settings of a host with this configuration."""
    default = SandboxSettings.from_host()
    return replace(
        default,
        tier=config.sandbox.tier if default.tier == "bwrap" else default.tier,
        uid=config.sandbox.uid or default.uid,
        allow=tuple(config.sandbox.allow),
        memory=(config.sandbox.memory_mib or 0) * 2**20,
        show=tuple(map(Path, config.sandbox.show)),
    )
