"""Which function moves the state over which kind of event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from codebutler.thread.state import ThreadState

Handler: TypeAlias = Callable[[ThreadState, Any], None]


class Table(dict[str, Handler]):
    """Handlers by kind."""

    def on(self, handler: Handler) -> Handler:
        """Enter ``_kind(state, event)`` for events of that kind."""
        self[handler.__name__.removeprefix("_")] = handler
        return handler
