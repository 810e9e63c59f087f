"""A Discord guild behind real HTTP and a real gateway WebSocket, with Discord's error codes and limits.

guild.py channels, people, messages, the clock; limits.py what Discord refuses; methods.py REST on channels,
messages and threads; hooks.py interactions and commands; server.py HTTP, rate limits and files;
gateway.py sessions, heartbeats, resume; human.py what a person does: write, press a button, fill a form.
Faults are asked for as in the Slack twin.
"""
