"""Doors: native events in, messages out (types.Surface). terminal.py is the one that needs no account."""
