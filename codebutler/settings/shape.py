"""The shape of the configuration: every key, its type and its default.

Keys are camelCase in JSON and snake_case here. A field marked ``REPO`` may also stand in a repo's committed
file; every other key belongs to the host alone. ``docs/configuration.md`` is checked against these models.
"""

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, SecretStr

from codebutler.settings.discord import Discord
from codebutler.settings.github import GitHub
from codebutler.settings.mcp import Mcp
from codebutler.settings.media import Images, Speech
from codebutler.settings.parts import REPO, HostPort, Line, ProviderName, Section, Url, Usd
from codebutler.settings.slack import Slack
from codebutler.settings.web import Web


class Linear(Section):
    """The Linear door."""

    api_key: SecretStr | None = None
    admin_channel: Line | None = None
    api_url: Url = "https://api.linear.app/graphql"


class OpenRouter(Section):
    """OpenRouter: one key, many models."""

    api_key: SecretStr | None = None
    base_url: Url = "https://openrouter.ai/api/v1"


class OpenAI(Section):
    """OpenAI, or with ``base_url`` any server that speaks its protocol; it then serves every role."""

    api_key: SecretStr | None = None
    base_url: Url | None = None


class Provider(Section):
    """One more OpenAI-compatible provider; its models are called ``<name>/<model>``."""

    base_url: Url
    api_key: SecretStr | None = None


class Foreign(Section):
    """A provider that litellm reaches; its models are called ``litellm/<name>/<model>``."""

    api_key: SecretStr | None = None
    base_url: Url | None = None


class PmModels(Section):
    """The PM's model, and the ones that ``/pm NAME`` swaps in."""

    default: Line | None = Field(default=None, json_schema_extra=REPO)
    pool: dict[str, Line] = Field(default_factory=dict, json_schema_extra=REPO)


class RoleModel(Section):
    """The model of one role."""

    model: Line | None = Field(default=None, json_schema_extra=REPO)


class Models(Section):
    """Which model each role uses; what is not set here comes from the role's own file."""

    pm: PmModels = PmModels()
    researcher: RoleModel = RoleModel()
    coder: RoleModel = RoleModel()
    lead: RoleModel = RoleModel()
    artist: RoleModel = RoleModel()


class Limits(Section):
    """Caps. A repo may lower each of them and never raise it. Money is US dollars; null means no cap."""

    max_concurrent_threads: Annotated[int, Field(ge=1, le=1000)] = Field(default=3, json_schema_extra=REPO)
    max_calls_per_hour: Annotated[int, Field(ge=1)] = Field(default=100, json_schema_extra=REPO)
    max_calls_per_person_per_hour: Annotated[int, Field(ge=1)] | None = Field(
        default=None, json_schema_extra=REPO
    )
    max_coders_per_person: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, json_schema_extra=REPO
    )
    tokens_per_thread: Annotated[int, Field(ge=1)] | None = Field(default=20_000_000, json_schema_extra=REPO)
    usd_per_thread: Usd | None = Field(default=5.0, json_schema_extra=REPO)
    usd_per_day: Usd | None = Field(default=50.0, json_schema_extra=REPO)
    usd_per_person_per_day: Usd | None = Field(default=25.0, json_schema_extra=REPO)
    on_cap: Literal["pause", "cheaper", "stop"] = Field(default="pause", json_schema_extra=REPO)


class Threads(Section):
    """How threads are served. Seconds and hours as the names say; null = never."""

    burst_seconds: Annotated[float, Field(ge=0, le=60)] = 3.0
    stop_seconds: Annotated[float, Field(ge=0, le=3600)] = 10.0
    remind_after_hours: Annotated[float, Field(gt=0, le=8760)] | None = 24.0
    remind_every_hours: Annotated[float, Field(gt=0, le=8760)] | None = 168.0


class Serve(Section):
    """What ``serve`` runs when no repo is named: folders of repos. ``channels`` says whose a chat's channel
    is, by the repo's folder, where the repos do not say it themselves. ``log_json``: the log as JSON lines.
    """

    repos: list[Line] = []
    channels: dict[str, Line] = {}
    log_json: bool = False


class Build(Section):
    """A profile of heavy commands. ``match`` are beginnings of commands (``cargo build``); at most
    ``at_once`` of them run at the same time, over all threads; what is not set is as shipped."""

    match: list[Line] | None = None
    at_once: Annotated[int, Field(ge=1, le=1000)] | None = Field(default=None, json_schema_extra=REPO)


class Sandbox(Section):
    """The kernel border around tools. Only the host decides on it.

    ``uid`` is who tools run as when the daemon is root; the tier ``reduced`` weakens the border, and ``off``
    removes it; ``allow`` lists the host:port pairs that tools may reach; ``show`` lists more folders with
    programs that tools may read; ``memory_mib`` bounds all processes of one sandbox together, where systemd
    offers a user scope; ``private`` vouches for hosts whose addresses are not public; ``git_scratch`` lets
    commands write git's records in a copy that is thrown away; ``builds`` are heavy commands that wait for
    each other.

    ``setup`` lets dependencies be installed before a thread's Coder begins; that phase, and it alone, reaches
    ``setup_allow`` and the package registries named in ``registries``, takes ``setup_seconds`` at most for
    each platform and ``setup_mib`` MiB of disk.
    """

    uid: Annotated[int, Field(ge=1, lt=2**32 - 1)] | None = None
    tier: Literal["bwrap", "reduced", "off"] = "bwrap"
    allow: list[HostPort] = []
    show: list[Line] = []
    private: list[HostPort] = []
    memory_mib: Annotated[int, Field(ge=64)] | None = None
    git_scratch: bool = False
    builds: dict[str, Build] = {}
    setup: bool = True
    setup_allow: list[HostPort] = []
    registries: list[Literal["pypi", "npm", "crates", "go"]] = []
    setup_seconds: Annotated[int, Field(ge=1, le=600)] = 600
    setup_mib: Annotated[int, Field(ge=16)] = 4096


_EVERYBODY = frozenset(["everyone", "everybody", "anybody", "all", "any", "*"])


def _person(name: str) -> str:
    """An entry that could name nobody is a slip, and would lock people out without a word."""
    if name.startswith("@") or name.casefold() in _EVERYBODY:
        raise ValueError("must be ids such as U7 or slack:U7, without an @; owner; or anyone")
    return name


Name: TypeAlias = Annotated[Line, AfterValidator(_person)]


class Access(Section):
    """Who may do what in threads: ids of people (``U7``, ``slack:U7``), ``owner`` of the thread, ``anyone``.

    Admins of a door always may. Where the host sets a list, a repo may only leave names out of it.
    """

    ask: list[Name] = Field(default=["anyone"], json_schema_extra=REPO)
    approve: list[Name] = Field(default=["owner"], json_schema_extra=REPO)
    merge: list[Name] = Field(default=["owner"], json_schema_extra=REPO)
    raise_caps: list[Name] = Field(default=["owner"], json_schema_extra=REPO)
    memory: list[Name] = Field(default=["owner"], json_schema_extra=REPO)


class Setup(Section):
    """How this repo's dependencies are installed: one shell command in place of what the lockfiles say.

    ``keep`` are the folders it makes, relative to the repo; a part of a path may be ``*``. ``key`` are the
    files whose content decides when it must run again; without any, it runs for each base commit.
    """

    command: Line | None = Field(default=None, json_schema_extra=REPO)
    keep: list[Line] = Field(default=[], json_schema_extra=REPO)
    key: list[Line] = Field(default=[], json_schema_extra=REPO)


class Retention(Section):
    """How long what is over is kept, in days since its thread's last change; null keeps it for ever."""

    logs_days: Annotated[int, Field(ge=1)] | None = 365
    blobs_days: Annotated[int, Field(ge=1)] | None = 90
    workspaces_days: Annotated[int, Field(ge=1)] | None = 7


class Git(Section):
    """How git is run. ``timeout`` is seconds for each git process; name and email sign the commits."""

    timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0
    author_name: Line = "CodeButler"
    author_email: Line = "codebutler@localhost"


class Settings(Section):
    """The whole configuration."""

    slack: Slack = Slack()
    discord: Discord = Discord()
    github: GitHub = GitHub()
    linear: Linear = Linear()
    openrouter: OpenRouter = OpenRouter()
    openai: OpenAI = OpenAI()
    providers: dict[ProviderName, Provider] = {}
    litellm: dict[str, Foreign] = {}
    models: Models = Models()
    limits: Limits = Limits()
    threads: Threads = Threads()
    access: Access = Access()
    serve: Serve = Serve()
    sandbox: Sandbox = Sandbox()
    setup: Setup = Setup()
    retention: Retention = Retention()
    web: Web = Web()
    mcp: Mcp = Mcp()
    images: Images = Images()
    speech: Speech = Speech()
    git: Git = Git()
    forge: Literal["auto", "local", "github"] = "auto"
