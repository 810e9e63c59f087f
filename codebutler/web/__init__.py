"""The web as the Researcher sees it. What comes from there is hostile, and so is what a model wants of it.

service.py what others use; urls.py which addresses may be named; guard.py which may be dialled; client.py
one bounded request; robots.py what a site asks of robots; pages.py a response as text; extracting.py, a
program of its own, takes HTML and PDF apart; cache.py; engines.py searches; marking.py marks foreign
text.
"""
