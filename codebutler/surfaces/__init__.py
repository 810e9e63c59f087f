"""Doors: native events in, messages out (types.Surface). terminal.py is the one that needs no account.

cutting.py takes markdown apart into pieces that fit. Doors of platforms share: linking.py, a connection for
all repos of a process and its looks back; telling.py, what only an admin can mend; wording.py and buttons.py,
what can be pressed and what becomes of it; files.py, files that come in; turned.py, what was
turned away; loose.py, words to a thread that are said in none; ticks.py, eyes and ticks.
"""
