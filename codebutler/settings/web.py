"""The web, as far as the Researcher reaches it. All of it is the host's to set."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, SecretStr

from codebutler.settings.parts import HostPort, Section, Url

EngineName: TypeAlias = Literal["brave", "tavily", "searxng", "ddgs"]


class Brave(Section):
    """Brave's search API."""

    api_key: SecretStr | None = None
    base_url: Url = "https://api.search.brave.com"


class Tavily(Section):
    """Tavily's search API."""

    api_key: SecretStr | None = None
    base_url: Url = "https://api.tavily.com"


class Searxng(Section):
    """A SearXNG server; it must offer the format json."""

    base_url: Url | None = None


class Ddgs(Section):
    """Search without a key, by the package ddgs. ``base_url``: one server that answers as DuckDuckGo's HTML
    page does, in place of all those that the package knows."""

    base_url: Url | None = None


class Web(Section):
    """Search and pages. ``order``: the engines to ask, those that lack key or URL are passed over; the next
    is asked when one fails. ``private`` vouches for host:port pairs that are not public. ``seconds`` bounds
    one search or page, ``cache_minutes`` and ``cache_mib`` what is kept of pages, in memory.
    """

    enabled: bool = True
    order: list[EngineName] = ["brave", "tavily", "searxng", "ddgs"]
    brave: Brave = Brave()
    tavily: Tavily = Tavily()
    searxng: Searxng = Searxng()
    ddgs: Ddgs = Ddgs()
    ports: list[Annotated[int, Field(ge=1, le=65535)]] = [80, 443]
    private: list[HostPort] = []
    robots: bool = True
    seconds: Annotated[float, Field(gt=0, le=300)] = 20.0
    cache_minutes: Annotated[float, Field(ge=0, le=1440)] = 30.0
    cache_mib: Annotated[int, Field(ge=1, le=4096)] = 32
