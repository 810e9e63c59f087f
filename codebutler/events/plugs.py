"""What other people's servers offer a thread."""

from typing import Literal

from codebutler.types import Json, Record


class McpTool(Record):
    """A tool as models are told of it. ``name`` is ours, ``tool`` the server's own; ``repeatable``: its
    server says that a second call of the same does no harm."""

    name: str
    tool: str
    description: str = ""
    parameters: Json = {}
    read_only: bool = False
    repeatable: bool = False


class McpListed(Record):
    """What ``server`` offered when ``role`` asked first: so it stays for the thread.

    Where it could not be had (``problem``), so it stays for that role, and others ask again: the Coder's
    sandbox has more in it than the PM's. ``inside``: it runs in the sandbox. ``left_out`` names tools that
    were not taken, and why.
    """

    kind: Literal["mcp_listed"] = "mcp_listed"
    server: str
    role: str = ""
    inside: bool = True
    tools: list[McpTool] = []
    left_out: list[str] = []
    problem: str = ""
