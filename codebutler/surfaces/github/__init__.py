"""The GitHub door: an issue or a pull request is a conversation.

In: inbound.py what a payload or a polled row means; visible.py text without what is hidden in it; wishes.py
what a comment asks of us; people.py who may ask; proofs.py who people of a chat are;
reviews.py what reviewers want; reviewing.py what we find in theirs, findings.py how it is written;
hearing.py the one handler; closed.py issues closed by hand;
polling.py looks for news, webhooks.py takes signed deliveries.
Out: door.py comments, and a status that is edited; saying.py their text.
"""
