"""The loop that every role runs, and the roles.

roles.py: a role as data and its system prompt; frame.py: one run's transcript; think.py: one model step;
loop.py: think, act, again.
"""
