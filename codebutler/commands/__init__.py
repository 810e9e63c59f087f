"""One typed definition per command, from which every door makes its native form.

registry.py: definitions, collisions, arguments; builtin.py: the commands; words.py: plain words that act,
corrections.py: those that put a role right;
bare.py: what is nothing but one; typed.py: a command or prose.
"""
