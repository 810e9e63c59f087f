"""The Slack door: a thread in Slack is a thread of ours.

In: link.py the app's one connection, socket or HTTP; inbound.py what an event means; intake.py what goes with a
message (names, files, a thread's earlier words); hands.py buttons, forms, commands; catchup.py what an outage
left unheard. Out: door.py delivery; calls.py the Web API with its pace; markup.py, cutting.py and blocks.py
from markdown to what Slack shows; home.py the app's own tab; troubles.py what only an admin can mend.
"""
