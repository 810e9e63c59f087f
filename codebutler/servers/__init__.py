"""Other people's tools: MCP servers, in the sandbox or at a URL. Nothing that one says is believed.

declared.py which there are; grants.py who may use them; cleaning.py, schemas.py what models are told of
their tools; stdio.py and remote.py (over guarded.py) the ways there, ways.py what both give, trimmed.py their
messages cut; connection.py one that runs, reach.py how there comes to be one; results.py what a call gave.
"""
