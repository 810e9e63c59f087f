"""Calling language models over OpenAI's chat completion protocol; images.py, speech.py over media.py.

endpoints.py the servers; routing.py which of them serves a model id; catalogue.py what a server offers;
prices.py what it costs; tokens.py, vocabulary.py how long a request is; breaker.py who is away; client.py one
call; body.py its bytes; stream.py its wire, over reach.py (proxies, certificates) and sse.py (events);
assemble.py a reply out of pieces; faults.py what a failure means, breaks.py how a connection fails; quirks.py
where servers differ, room.py how long a reply may be, marks.py prompt-cache marks; foreign.py the providers
that litellm reaches: foreignids.py which may be named, foreignfaults.py their errors, overheard.py what they
really send, unpacking.py that if it is packed, fixedroute.py what keeps it from following redirects.
"""
