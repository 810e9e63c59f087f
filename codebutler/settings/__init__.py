"""What ``codebutler.config`` is made of.

shape.py every key, type and default, web.py those of the web, parts.py what they are made of; builds.py
commands that wait for each other; keys.py dotted paths and leaves; files.py reading and checking a file.
"""
