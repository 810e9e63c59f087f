"""CodeButler: a multi-role AI dev team that lives in your chat threads."""

__version__ = "0.1.0"
