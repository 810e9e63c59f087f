"""What people and roles say to each other, and where a turn ends."""

from typing import Literal

from codebutler.events.vocabulary import Cap, Outcome
from codebutler.types import Attachment, Outbound, Person, Record


class ThreadOpened(Record):
    """The thread's birth. ``mode``: the whole team, or the Coder alone on the task as given."""

    kind: Literal["thread_opened"] = "thread_opened"
    title: str
    owner: Person
    mode: Literal["team", "coder"] = "team"


class MessageReceived(Record):
    """A person spoke or pressed a button; not yet read by anyone. ``key`` is the platform's id of it,
    ``link`` the address of its conversation, ``seen`` the plan that its author can have read (types.Inbound).
    """

    kind: Literal["message_received"] = "message_received"
    surface: str
    external_id: str
    key: str = ""
    author: Person
    text: str = ""
    action: str = ""
    value: str = ""
    attachments: list[Attachment] = []
    link: str = ""
    seen: str = ""


class MessageEdited(Record):
    """A person changed an earlier message; ``of`` is its key. Honoured if nobody had read it yet.

    ``gone``: the hashes of files that were taken out of it.
    """

    kind: Literal["message_edited"] = "message_edited"
    surface: str
    of: str
    text: str
    by: Person
    gone: list[str] = []


class MessageDeleted(Record):
    """A person took an earlier message back; ``of`` is its key. Honoured if nobody had read it yet."""

    kind: Literal["message_deleted"] = "message_deleted"
    surface: str
    of: str
    by: Person


class MessageTaken(Record):
    """Messages were handed to a role; ``content`` is what its transcript shows,
    with ``pictures`` under it.
    """

    kind: Literal["message_taken"] = "message_taken"
    frame: str
    messages: list[int]
    content: str
    pictures: list[Attachment] = []


class CommandHandled(Record):
    """A message was a command, and this is what came of it."""

    kind: Literal["command_handled"] = "command_handled"
    message: int
    name: str
    by: Person
    result: str = ""
    refused: bool = False
    """Nothing was done: this person may not, or there is nothing yet that it could be done to."""
    misused: bool = False
    """Nothing was done: there is no such command, or what stands behind it does not fit."""


class QuestionAsked(Record):
    """A role waits for a person's answer to this."""

    kind: Literal["question_asked"] = "question_asked"
    frame: str
    call_id: str
    question: str
    options: list[str] = []

    @property
    def timer(self) -> str:
        """The key of the timer that reminds people of it."""
        return f"question:{self.call_id}"


class QuestionAnswered(Record):
    """A person answered, with ``pictures``."""

    kind: Literal["question_answered"] = "question_answered"
    message: int
    call_id: str
    text: str
    by: Person
    pictures: list[Attachment] = []


class EscalationAsked(Record):
    """A role asked the PM; the question joins the PM's transcript."""

    kind: Literal["escalation_asked"] = "escalation_asked"
    frame: str
    call_id: str
    role: str
    question: str


class EscalationAnswered(Record):
    """The PM answered a role."""

    kind: Literal["escalation_answered"] = "escalation_answered"
    call_id: str
    text: str


class Cancelled(Record):
    """A person stopped the work that was under way; what was done stays on the branch.

    ``more``: the message only begins with that, so that it is unread yet.
    """

    kind: Literal["cancelled"] = "cancelled"
    message: int
    by: Person
    more: bool = False


class Paused(Record):
    """A person paused the thread: what is said is kept unread until somebody resumes it.

    ``more`` is as in Cancelled.
    """

    kind: Literal["paused"] = "paused"
    message: int
    by: Person
    more: bool = False


class Resumed(Record):
    """A person let a paused or failed run go on; ``raise_usd`` lifts the thread's cap by so much.

    ``cap`` is the host's or the person's cap of the day that was lifted in its place.
    """

    kind: Literal["resumed"] = "resumed"
    message: int
    by: Person
    raise_usd: float = 0.0
    cap: Cap | Literal[""] = ""


class ModelSwapped(Record):
    """A role uses another model from here on."""

    kind: Literal["model_swapped"] = "model_swapped"
    message: int
    role: str
    model: str


class Posted(Record):
    """A visible message was handed to the outbox. ``source`` names what it shows, once (``pm:7``)."""

    kind: Literal["posted"] = "posted"
    post: Outbound
    source: str = ""


class TurnEnded(Record):
    """The turn reached its visible end."""

    kind: Literal["turn_ended"] = "turn_ended"
    outcome: Outcome
    text: str = ""


class TimerFired(Record):
    """A timer row came due."""

    kind: Literal["timer_fired"] = "timer_fired"
    key: str
