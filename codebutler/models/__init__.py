"""Calling language models over OpenAI's chat completion protocol.

routing.py which provider serves a model id; catalogue.py what a server offers; client.py one call;
stream.py its wire; assemble.py a reply out of pieces; faults.py what a failure means;
prices.py, tokens.py what it costs; breaker.py who is away.
"""
