"""The loop that every role runs, and the roles.

roles.py: a role as data and its system prompt; frame.py: one run's transcript; pictures.py images in it,
voices.py what another model gets of it; think.py: one model step, asking.py its calls, standing.py who is
away, thinking.py what a step needs of a thread; compact.py: a summary for a full window; loop.py: think, act,
again.
"""
