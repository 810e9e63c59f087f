"""Every error a person may meet, named by what happens next.

CodeButlerError
├── UsageError        the command or its arguments are wrong (exit 2)
├── ConfigError       a file or setting is wrong; names file, key and fix (exit 2)
│   └── StoreDamaged       a store's file is broken or another program's
├── StoreGone         a store's file was deleted or replaced under the process: it ends
├── NoSandbox         no kernel border can be had, so no tool runs (exit 4)
├── RepoError         git cannot do what is asked; nothing was lost
│   ├── BranchLost         the thread's branch is gone or was moved away: a person must put it back
│   └── InMergeQueue       the forge's merge queue has it: it may land without another word
├── ModelError        a model call failed
│   ├── ModelUnavailable   worth a retry or a fallback (network, 429, 5xx)
│   └── ModelRefused       a retry is useless (key, credit, unknown model, context too long)
├── ToolFailed        a tool could not do it: the model reads the message and goes on
├── DoorClosed        a door lets nothing through before a person mends it: messages are kept
├── StaleWorker       another worker has claimed the thread: stop without a word
└── LimitReached      a cap would be passed: the thread pauses and a person decides
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codebutler.types import Usage


class CodeButlerError(Exception):
    """Something went wrong that a person can read and mend."""

    exit_code = 1

    def __init__(self, message: str = "", *, fix: str = "") -> None:
        """``message`` is one line: what is wrong and where. ``fix`` says how to mend it."""
        self.message = message or (type(self).__doc__ or "").strip()
        self.fix = fix
        end = "" if self.message.endswith((".", "!", "?", "…")) else "."
        super().__init__(f"{self.message}{end} {fix}" if fix else self.message)


class UsageError(CodeButlerError):
    """The command or its arguments are wrong."""

    exit_code = 2


class ConfigError(CodeButlerError):
    """A configuration file or setting is wrong."""

    exit_code = 2


class StoreDamaged(ConfigError):
    """A store's file is damaged, or no store."""


class StoreGone(CodeButlerError):
    """A store's file was deleted or replaced while it was in use."""


class NoSandbox(CodeButlerError):
    """No sandbox can be made here, so no tool may run."""

    exit_code = 4


class RepoError(CodeButlerError):
    """Git could not do what was asked."""


class BranchLost(RepoError):
    """The thread's branch is not where the thread left it."""


class InMergeQueue(RepoError):
    """The pull request waits in the forge's merge queue, which lands it by itself."""


class ModelError(CodeButlerError):
    """A model call failed."""

    spent = 0.0
    """Dollars of the part of an answer that had come."""
    used: Usage | None = None
    """Its tokens; None if nothing had come."""
    priced = True
    """Whether a price of the model is known: else ``spent`` is 0 whatever was ``used``."""
    paid = False
    """Whether all of an answer may have been made and billed, though none that can be used came."""
    cut = False
    """Whether the connection or the answer broke off: there is no word of why."""

    def lost(self, reserved: float) -> float:
        """Dollars that the call counts as; ``reserved`` was its worst case."""
        return max(self.spent, reserved) if self.paid else self.spent


class ModelUnavailable(ModelError):
    """The model cannot be reached right now."""

    silent = False
    """Whether a time limit passed without an answer: another try would take as long."""
    answered = False
    """Whether there was an answer, which another try may better: that is no outage."""

    def __init__(self, message: str = "", *, fix: str = "", retry_after: float | None = None) -> None:
        """``retry_after`` is the provider's own wish in seconds, if it stated one."""
        super().__init__(message, fix=fix)
        self.retry_after = retry_after


class ModelRefused(ModelError):
    """The model's provider refused the call."""


class ContextTooLong(ModelRefused):
    """The conversation does not fit the model's window."""


class ToolFailed(CodeButlerError):
    """A tool could not do what was asked."""


class DoorClosed(CodeButlerError):
    """A door lets no message through."""


class StaleWorker(CodeButlerError):
    """Another worker has claimed this thread."""


class LimitReached(CodeButlerError):
    """A cap would be passed."""

    def __init__(self, message: str = "", *, fix: str = "", scope: str = "", short: float = 0.0) -> None:
        """``scope`` names the cap that was hit; ``short`` is how many dollars it lacks for this call."""
        super().__init__(message, fix=fix)
        self.scope = scope
        self.short = short
