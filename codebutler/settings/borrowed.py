"""Keys of other services in the environment, which litellm reads by itself: none of them is a setting of
ours, and each is treated like one. It is redacted, and checked before it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from codebutler.errors import ModelRefused
from codebutler.settings.parts import bare_key

_KEY = re.compile(r"_(?:[A-Z]*API_?KEY|SECRET|SECRET_ACCESS_KEY|(?:[A-Z]+_)?TOKEN|BEARER_TOKEN_[A-Z]+)$")
_LEAST = 12
"""Characters: no key is shorter, and a short word would be blotted out everywhere."""
_ELSEWHERE = {
    "bedrock": ("AWS_",),
    "cohere": ("CO_",),
    "gemini": ("GOOGLE_", "PALM_"),
    "huggingface": ("HF_",),
    "sagemaker": ("AWS_",),
    "vertexai": ("GOOGLE_",),
}
"""Provider (without underscores) → how its variables begin where that is not its own name."""
_DOORS = ("GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "SLACK_", "DISCORD_", "LINEAR_")


def borrowed(env: Mapping[str, str]) -> dict[str, str]:
    """name → value of each variable that holds some service's key."""
    return {name: value for name, value in env.items() if _KEY.search(name) and len(value.strip()) >= _LEAST}


def secrets(env: Mapping[str, str]) -> list[str]:
    """Their values, for the redactor: as they stand and, if anything surrounds them, without it."""
    return [form for value in borrowed(env).values() for form in {value, value.strip()}]


def keys_of(provider: str, env: Mapping[str, str]) -> dict[str, str]:
    """name → key of those that litellm may send to ``provider``, without what an editor puts around them.

    ModelRefused names a variable whose value no header can carry.
    """
    found = {}
    for name, value in borrowed(env).items():
        if not is_for(provider, name):
            continue
        try:
            found[name] = bare_key(value)
        except ValueError as error:
            fix = f"Set {name} to the key alone, in one line"
            raise ModelRefused(f"environment variable {name} {error}", fix=fix) from None
    return found


def is_for(provider: str, name: str) -> bool:
    """Whether a variable is one of the provider's: TOGETHERAI_API_KEY is together_ai's.

    Those of doors and forges are nobody's: GITHUB_TOKEN is no key of the provider called github.
    """
    if name.startswith(_DOORS):
        return False
    plain = provider.replace("_", "").lower()
    own = name.replace("_", "").lower().startswith(plain)
    return own or name.startswith(_ELSEWHERE.get(plain, ("\0",)))
