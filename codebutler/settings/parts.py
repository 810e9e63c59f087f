"""What every section of the configuration is made of: its base, and the kinds of values."""

import re
from typing import Annotated, Any, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic.alias_generators import to_camel

REPO: dict[str, Any] = {"repo": True}
"""Marks a key that a repo's own file may set."""

RESERVED_PROVIDERS = ("openai", "openrouter", "litellm")
_NO_KEY = "must be a key or token as it was given out: it holds a line break, a curly quote or the like"
_HOST_PORT = re.compile(r"[A-Za-z0-9*][A-Za-z0-9.*-]*:\d{1,5}")


def _http_url(value: str) -> str:
    value = value.strip()
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be a URL that starts with http:// or https://")
    if parts.username or parts.password:
        raise ValueError("must not carry a user name or password")
    if parts.query or parts.fragment:
        raise ValueError("must end before ? and #: paths are added to it, and a key has a setting of its own")
    if any(c.isspace() or not c.isprintable() for c in value) or parts.port == 0:
        raise ValueError("must be a URL without spaces, and with a port that there can be")
    if parts.path.rstrip("/").endswith("/chat/completions"):
        raise ValueError("must leave off /chat/completions, which is added to it")
    return value.rstrip("/")


def _host_port(value: str) -> str:
    if not _HOST_PORT.fullmatch(value) or not 0 < int(value.rpartition(":")[2]) < 65536:
        raise ValueError("must look like host:port, for example pypi.example.org:443")
    return value


def _provider_name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", value):
        raise ValueError("a provider's name consists of a-z, 0-9, - and _")
    if value in RESERVED_PROVIDERS:
        raise ValueError(f"{value} has its own section; choose another name")
    return value


def _line(value: str) -> str:
    if not value.strip() or any(ord(c) < 32 for c in value):
        raise ValueError("must be one line of text and not empty")
    return value.strip()


Url: TypeAlias = Annotated[str, AfterValidator(_http_url)]
Line: TypeAlias = Annotated[str, AfterValidator(_line)]
HostPort: TypeAlias = Annotated[str, AfterValidator(_host_port)]
ProviderName: TypeAlias = Annotated[str, AfterValidator(_provider_name)]
Usd: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def bare_key(value: str) -> str:
    """A key or token without the blanks around it. ValueError if it is not one line of printable ASCII."""
    bare = value.strip()
    if not (bare.isascii() and bare.isprintable()):
        raise ValueError(_NO_KEY)
    return bare


class Section(BaseModel):
    """One section of the configuration: unknown keys are errors, values are not coerced."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=to_camel, populate_by_name=False
    )

    @field_validator("*")
    @classmethod
    def _sendable(cls, value: Any) -> Any:  # noqa: ANN401 - of any field
        """A key travels in a header: one line of ASCII. What an editor or a pipe puts around it goes."""
        if not isinstance(value, SecretStr):
            return value
        return SecretStr(bare_key(value.get_secret_value()))
