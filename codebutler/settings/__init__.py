"""What ``codebutler.config`` is made of.

shape.py every key, type and default; keys.py dotted paths and leaves; files.py reading and checking a file.
"""
