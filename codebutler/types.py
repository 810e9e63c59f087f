"""The vocabulary: plain records and the protocols between the rooms. Contracts stand beside the signatures.

US dollars, seconds, bytes. What goes to disk or a model is pydantic (see ``events``), the rest dataclasses.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias

from msgspec import Struct, field
from pydantic import BaseModel, ConfigDict

Json: TypeAlias = dict[str, Any]
Message: TypeAlias = dict[str, Any]
"""One chat message in OpenAI's wire form. Never changed once it is in a transcript."""


class Record(BaseModel):
    """A frozen record, built when first used; unknown keys are ignored: old and new read each other."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Person(Record):
    """Who acted. ``id``: unique at a door. ``admin``: decides in others' threads. ``gone``: forgotten.

    ``login`` is their account at GitHub and ``mail`` its address for commits, where these are known: they say
    how people are named, never what they may do.
    """

    surface: str
    id: str
    name: str = ""
    admin: bool = False
    gone: bool = False
    login: str = ""
    mail: str = ""

    @property
    def label(self) -> str:
        """How the person is shown."""
        return self.name or self.id


class ToolCall(Record):
    """A model's request to run a tool. ``arguments`` is the raw text; it may be garbage."""

    id: str
    name: str
    arguments: str = "{}"


class Usage(Record):
    """Tokens of one call. Parts of ``input``: ``cached`` came from earlier ones, ``written`` is kept anew."""

    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0


class PlanStep(Record):
    """One step of a plan. ``refs`` are file:line references."""

    text: str
    refs: list[str] = []


class Plan(Record):
    """What the PM proposes and a person approves."""

    title: str
    summary: str
    workflow: str = ""
    steps: list[PlanStep]
    files: list[str] = []
    acceptance: list[str] = []


class MemoryItem(Record):
    """One proposed change of a memory file. A step goes behind ``after`` others (None: last). ``replaces``
    are texts or ids of items that go when it comes, ``expires`` its last day (YYYY-MM-DD). The engine adds
    its ``relation`` to those, and what earlier logs show (``seen``). ``by_name``: proposed by somebody who
    may not decide, so that no word about the whole list keeps it."""

    file: str
    text: str
    kind: Literal["lesson", "add_step", "new_workflow", "automate", "remove", "revert"] = "lesson"
    section: str = ""
    why: str = ""
    after: int | None = None
    replaces: list[str] = []
    expires: str = ""
    relation: Literal["", "repeats", "contradicts"] = ""
    seen: str = ""
    by_name: bool = False


class ChecklistItem(Record):
    """One line of the checklist that people see."""

    text: str
    status: Literal["todo", "doing", "done"] = "todo"


class Choice(Record):
    """A button, and the word that does the same. ``value`` names what the choice is bound to."""

    action: str
    label: str
    value: str = ""
    style: Literal["primary", "danger", "plain"] = "plain"


class Attachment(Record):
    """A file that came with a message or goes out with one. Bytes are a blob in the store."""

    name: str
    sha256: str
    media_type: str = "application/octet-stream"


class Outbound(Record):
    """One visible message, in markdown, before a door renders it.

    ``slot``: messages with the same slot replace each other (a status card is edited in place).
    ``role``: who talks, shown as a prefix. ``kind`` chooses a form; "aloud" in ``data``: for its channel.
    """

    text: str
    role: str = ""
    kind: Literal["text", "status", "plan", "question", "choices", "report", "error", "notice"] = "text"
    choices: list[Choice] = []
    slot: str = ""
    files: list[Attachment] = []
    data: Json = {}


NO_PLAN = "none"


class Inbound(Record):
    """A native event of a door, translated. ``key`` is the platform's own event id, ``link`` an address.
    ``edits`` or ``deletes`` names the ``key`` of an earlier message of the same door that was changed to
    ``text``, or taken back; ``gone`` are the hashes of files that were taken out of it. A reaction that
    stands for a command (❌: cancel) is an ``action``. ``seen``: the newest plan's hash that its writer
    can have read, or NO_PLAN; "" from a door that hears at once.
    """

    surface: str
    external_id: str
    key: str
    author: Person
    text: str = ""
    action: str = ""
    value: str = ""
    attachments: list[Attachment] = []
    edits: str = ""
    deletes: str = ""
    gone: list[str] = []
    link: str = ""
    seen: str = ""


class Capabilities(Struct, frozen=True):
    """What a door can do, declared. Lengths are characters, ``patience`` the seconds of one delivery."""

    buttons: bool = False
    edits: bool = False
    files: bool = False
    reactions: bool = False
    streaming: bool = False
    bursts: bool = False
    """People write here in several short messages: a thread's first turn waits for the rest of them."""
    text_limit: int = 1_000_000
    patience: float = 60.0


class Surface(Protocol):
    """A door. Native events go in through ``thread.engine.Engine.receive``; messages come out here."""

    name: str
    capabilities: Capabilities

    async def deliver(self, external_id: str, message: Outbound, *, mark: str, replaces: str) -> str:
        """Show ``message`` in the conversation ``external_id`` and return the platform's message id.

        ``mark`` is unique to this message and stable over retries: a door that can, carries it along
        and looks for it before posting again. ``replaces`` is the platform id of the message in the
        same slot, or "". Raises on failure: the message stays in the outbox and is tried again.
        """
        ...

    async def stream(self, external_id: str, role: str, delta: str) -> None:
        """Show a piece of what a role is writing ("": a command prints). May do nothing; must not raise."""
        ...


class ModelReply(Struct, frozen=True):
    """What a model answered. ``usd`` is None when no price is known, ``reasoning`` goes back to the provider
    as it is. ``impossible``: our own estimate stands for one of the provider's figures."""

    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    usd: float | None = None
    model: str = ""
    finish: str = "stop"
    reasoning: Json | None = None
    impossible: bool = False


class ModelClient(Protocol):
    """Contract: one call, one reply; no retries hidden from the log; cancellation closes the connection."""

    def estimate(self, model: str, messages: Sequence[Message], tools: Sequence[Json] = ()) -> int:
        """Input tokens of a call, about."""

    def window(self, model: str) -> int | None:
        """The model's context in tokens; None if neither its server nor our table says."""

    async def prepare(self, model: str) -> None:
        """Learn what must be known ahead of a call: its price and window. Never raises: the call tells."""

    async def complete(
        self,
        *,
        model: str,
        messages: Sequence[Message],
        tools: Sequence[Json],
        max_output: int,
        role: str,
        on_text: Callable[[str], Awaitable[None]] | None = None,
    ) -> ModelReply:
        """Raises ModelUnavailable, ModelRefused, for people to read. ``on_text``: a piece's words, or ""."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


class Picture(Struct, frozen=True):
    """An image that a tool shows, for models that see."""

    media_type: str
    data: bytes


class ToolResult(Struct, frozen=True):
    """``text`` is what the model reads (already capped), ``details`` what people and the log get."""

    text: str
    ok: bool = True
    details: Json = {}
    pictures: tuple[Picture, ...] = ()
    waited: float = 0.0
    """Seconds before it could begin: nobody's working time."""


class ToolSpec(Struct, frozen=True):
    """What a model is told of a tool, and how the engine treats it.

    ``recovery`` says what to do with a call that was started but has no result after a crash:
    rerun (harmless to repeat), or tell (the model is told that the effect is unknown).
    """

    name: str
    description: str
    parameters: Json
    read_only: bool = False
    writes: bool = False
    """May change the worktree."""
    recovery: Literal["rerun", "tell"] = "tell"

    def wire(self) -> Json:
        """The tool as OpenAI's ``tools`` parameter wants it."""
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": self.parameters},
        }


class Hands(Protocol):
    """The sandboxed executor as the toolset sees it (codebutler.sandbox.executor.Executor)."""

    async def call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        timeout: float | None = None,
        session: str = "",
        on_output: Callable[[str], None] | None = None,
    ) -> ToolResult:
        """Run one native tool. Never raises for what the tool or the sandbox does: the result says it.

        Commands of one ``session`` begin in the directory where its last one ended. ``on_output`` gets the
        newest output of a running command now and then; it must not raise.
        """
        ...
