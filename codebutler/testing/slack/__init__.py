"""A Slack workspace behind real HTTP and a real Socket Mode WebSocket, with Slack's error shapes and limits.

workspace.py channels, people, messages; limits.py what Slack refuses; methods.py the Web API by name, with
reading.py, streams.py and uploading.py; server.py HTTP; sockets.py envelopes, acknowledgements, redelivery;
faults.py what goes wrong on demand; human.py what a person does: write, press a button, fill a form;
picture.py what a message looks like, as SVG.
"""
