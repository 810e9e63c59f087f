"""What ``codebutler.config`` is made of.

shape.py every key, type and default; builds.py commands that wait for each other; keys.py dotted paths and
leaves; files.py reading and checking a file.
"""
