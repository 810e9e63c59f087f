"""What ``codebutler.config`` is made of.

shape.py every key, type and default; parts.py what sections are made of; web.py, media.py, builds.py those of
the web, of pictures and speech, of commands that wait for each other; borrowed.py
keys that are litellm's to read; keys.py dotted paths and leaves;
files.py reading and checking a file.
"""
