"""Who we are at GitHub: a token, a GitHub App, or what the person's ``gh`` knows."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import time
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from urllib.parse import urlsplit

from codebutler.errors import ConfigError
from codebutler.forges.github.refusals import GitHubAway
from codebutler.forges.github.spot import Spot, web_url
from codebutler.models.reach import trust
from codebutler.processes import captured
from codebutler.settings.github import GitHub
from codebutler.types import Json

if TYPE_CHECKING:
    from githubkit import GitHub as Client

    Kit: TypeAlias = Client[Any]

GH_SECONDS = 10.0
"""How long ``gh auth token`` may take."""
SPARE = 300.0
"""Seconds before its end in which an App's token is used no more."""
_GH_ENV = ("PATH", "HOME", "XDG_CONFIG_HOME", "GH_CONFIG_DIR", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR")
_FIX = "Set GITHUB_TOKEN or github.token, configure a GitHub App, or run: gh auth login"


class Access(Protocol):
    """Credentials for the API, as a client of it, and for git, as a password."""

    bot: bool
    """Whether it is an App, which has no account of its own at ``/user``."""

    async def app(self) -> str:
        """The App's name, as in its address; "" for a token, or where the server does not tell."""
        ...

    async def kit(self) -> Kit:
        """A client of the API."""
        ...

    async def password(self) -> str:
        """What git gives as the password of ``x-access-token``."""
        ...

    def renew(self, refused: Kit) -> bool:
        """GitHub does not know who ``refused`` is: whether another client may be tried."""
        ...


class TokenAccess:
    """One token for everything."""

    bot = False

    def __init__(self, settings: GitHub, token: str) -> None:
        """``token`` as it was given out."""
        self._settings = settings
        self._token = token
        self._made: Kit | None = None

    async def app(self) -> str:
        """None."""
        return ""

    async def kit(self) -> Kit:
        """Heavy to load: not before it is needed."""
        if self._made is None:
            self._made = await asyncio.to_thread(_kit, self._settings, self._token)
        return self._made

    async def password(self) -> str:
        """The token."""
        return self._token

    def renew(self, refused: Kit) -> bool:
        """There is one token only."""
        return False


class AppAccess:
    """A GitHub App: tokens of an hour, for one repository, made when they are needed."""

    bot = True

    def __init__(self, settings: GitHub, spot: Spot, key: str) -> None:
        """``key`` is the App's private key, as PEM."""
        self._settings = settings
        self._spot = spot
        self._key = key
        self._token = self._slug = ""
        self._until = 0.0
        self._made: Kit | None = None
        self._minting = asyncio.Lock()

    async def app(self) -> str:
        """Told with the first token."""
        await self.password()
        return self._slug

    async def kit(self) -> Kit:
        """A client with the present token. ConfigError when the App is not installed on the repository."""
        token = await self.password()
        if self._made is None:
            self._made = await asyncio.to_thread(_kit, self._settings, token)
        return self._made

    async def password(self) -> str:
        """The present token, or a new one shortly before it ends."""
        async with self._minting:
            if time.time() > self._until - SPARE:
                made = await self._minted()
                self._token, self._made = str(made["token"]), None
                self._until = _seconds(str(made["expires_at"]))
            return self._token

    def renew(self, refused: Kit) -> bool:
        """A token may end before its hour: clocks differ, and an App may be suspended and let in again."""
        if refused is self._made:
            self._until = 0.0
        return True

    async def _minted(self) -> Json:
        from githubkit.auth import AppAuthStrategy
        from githubkit.exception import GitHubException, RequestFailed
        from jwt.exceptions import PyJWTError

        app, name = self._settings.app_id, self._spot.full_name
        kit = await asyncio.to_thread(_kit, self._settings, AppAuthStrategy(str(app), self._key))
        try:
            found = await kit.arequest("GET", f"/repos/{name}/installation")
            path = f"/app/installations/{int(found.json()['id'])}/access_tokens"
            self._slug = str(found.json().get("app_slug") or "")
            made: Json = (await kit.arequest("POST", path, json={"repositories": [self._spot.name]})).json()
        except RequestFailed as error:
            raise ConfigError(
                f"the GitHub App {app} cannot be used for {name} (HTTP {error.response.status_code})",
                fix="Install the App on the repository, and check github.appId and its private key",
            ) from error
        except GitHubException as error:
            if isinstance(getattr(error, "exc", None), (ValueError, PyJWTError)):
                raise ConfigError(
                    "the GitHub App's private key cannot be read", fix="Use the PEM file that GitHub gave you"
                ) from error
            raise GitHubAway(f"GitHub gives the App no token for {name}: {error!r}") from error
        return made


def _seconds(stamp: str) -> float:
    """Seconds since the epoch of a time as GitHub writes it; now for one that cannot be read."""
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except ValueError:
        return time.time()


@cache
def _trusted() -> ssl.SSLContext:
    """Certificates, read once: githubkit makes a client for each call, which reads them for 25 ms of CPU."""
    return trust()


def _kit(settings: GitHub, auth: object) -> Kit:
    from githubkit import GitHub as Client
    from githubkit.cache import MemCacheStrategy

    made: Kit = Client(
        auth,
        base_url=settings.base_url,
        http_cache=False,
        auto_retry=False,
        timeout=30.0,
        user_agent="CodeButler",
        cache_strategy=MemCacheStrategy(),
        ssl_verify=_trusted(),
    )
    return made


async def access_for(spot: Spot, settings: GitHub) -> Access:
    """The first way that is configured. ConfigError when there is none."""
    if settings.app_id is not None:
        return AppAccess(settings, spot, _private_key(settings))
    if settings.token is not None:
        return TokenAccess(settings, settings.token.get_secret_value())
    token = await gh_token(urlsplit(web_url(settings)).hostname or "github.com")
    if not token:
        raise ConfigError(f"there is no token for {spot.full_name} on GitHub", fix=_FIX)
    return TokenAccess(settings, token)


def _private_key(settings: GitHub) -> str:
    if settings.private_key is not None:
        return settings.private_key.get_secret_value().replace("\\n", "\n")
    if settings.private_key_file is None:
        raise ConfigError("github.appId is set without a private key", fix="Set github.privateKeyFile")
    path = Path(settings.private_key_file).expanduser()
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"github.privateKeyFile {path} cannot be read", fix="Name the PEM file of the App"
        ) from error


async def gh_token(host: str) -> str:
    """What ``gh auth token`` says for that host; "" without gh, or when nobody is logged in."""
    program = shutil.which("gh")
    if program is None:
        return ""
    env = {name: os.environ[name] for name in _GH_ENV if name in os.environ}
    try:
        said = await captured(program, "auth", "token", "--hostname", host, seconds=GH_SECONDS, env=env)
    except TimeoutError:
        return ""
    return said.out.decode(errors="replace").strip() if said.code == 0 else ""
