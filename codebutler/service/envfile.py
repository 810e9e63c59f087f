"""The environment of a service, in a file of its owner's alone: a unit is no place for keys."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from codebutler.config import ENVIRONMENT, MODEL_VARIABLE, SHIPPED, UNSAFE_VARIABLE, Config, load_config
from codebutler.errors import ConfigError
from codebutler.settings import borrowed
from codebutler.settings.files import read_global

TAKEN = (MODEL_VARIABLE, "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEAD = """\
# The environment of this service, a NAME=VALUE a line. Only you can read it.
# A change counts after: codebutler service install (or a restart of the service).
"""


def read(path: Path) -> dict[str, str]:
    """The variables in the file. ConfigError when it is missing, not its owner's alone, or no such file."""
    if not path.exists():
        raise ConfigError(
            f"the service's environment {path} is gone", fix="Run again: codebutler service install"
        )
    found = {}
    for number, line in enumerate(read_global(path)[0].splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not _NAME.fullmatch(name.strip()):
            raise ConfigError(f"{path}: line {number} is not NAME=VALUE", fix="Mend that line")
        found[name.strip()] = value.strip()
    return found


def write(path: Path, variables: Mapping[str, str]) -> None:
    """Write the file, mode 0600 from its first byte on, in one step."""
    text = _HEAD + "".join(f"{name}={value}\n" for name, value in sorted(variables.items()))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(file, "w", encoding="utf-8") as out:
            out.write(text)
        Path(name).replace(path)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", fix="Check owner, mode, space"
        ) from error


def taken(config: Config, env: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What of ``env`` a service needs, and a line for each variable that it does not get.

    A key that the global configuration has stays there alone: a copy would go on when that one is renewed.
    """
    kept = load_config(None, home=config.home, env={}, repo_text="")
    stored = {key for key, _, origin in kept.items() if origin != SHIPPED}
    names = [*ENVIRONMENT, *TAKEN, *(each for name in _PROXIES for each in (name, name.lower()))]
    models = [str(value) for key, value, _ in config.items() if key.startswith("models.")]
    for provider in {model.split("/")[1] for model in models if model.startswith("litellm/")}:
        names += [name for name in borrowed.keys_of(provider, env) if name not in names]
    found, notes = {}, []
    for name in names:
        value = env.get(name, "").strip()
        if not value:
            continue
        if ENVIRONMENT.get(name) in stored:
            notes.append(f"{name} of this shell is left out: {ENVIRONMENT[name]} of config.json counts")
        elif not value.isprintable():
            raise ConfigError(f"{name} holds a line break or the like", fix="Set it to the key as given out")
        else:
            found[name] = value
    if env.get(UNSAFE_VARIABLE):
        notes.append(f"{UNSAFE_VARIABLE} is left out: sandbox.tier in config.json is the place for it")
    return found, notes
