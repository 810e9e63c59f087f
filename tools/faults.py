"""How a tool says that it could not do what was asked. The model reads the text and goes on."""

from __future__ import annotations


class Fault(Exception):
    """A tool failure: becomes a result with ``isError``, never a protocol error."""

    def __init__(self, text: str, **details: object) -> None:
        """``text`` is for the model; ``details`` for people and the log."""
        super().__init__(text)
        self.text = text
        self.details = details


class ProtocolFault(Exception):
    """The request itself is malformed; becomes a JSON-RPC error with ``code``."""

    def __init__(self, code: int, message: str) -> None:
        """``code`` is one of JSON-RPC's reserved numbers."""
        super().__init__(message)
        self.code = code
        self.message = message
