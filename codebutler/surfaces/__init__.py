"""Doors: native events in, messages out (types.Surface). terminal.py is the one that needs no account.

cutting.py takes markdown apart into pieces that fit; wording.py is what doors with buttons share.
"""
