"""The Slack door: a thread in Slack is a thread of ours.

In: link.py the app's one connection, sdk.py what its libraries leave to us, requests.py HTTP in its place;
inbound.py what an event means, told.py where apps put their words; owners.py which repo's it is, hearing.py
that repo's ears, with intake.py for names, files and earlier words, loose.py words in no thread and
overtaken.py replies under what is none; catchup.py what nobody heard, changes.py
what became of it, crosses.py which reactions stop it; hands.py buttons, views.py forms,
verdicts.py whether they count, used.py what is left of them; slash.py the command and the shortcut,
asked.py the requests among them; home.py the app's tab. Out: opening.py conversations that begin with us,
door.py delivery, streams.py what is being written, drafts.py where that stands, signs.py reactions and the
status line, uploads.py files; calls.py the Web API at its pace; markup.py and blocks.py from markdown to
what is shown; troubles.py what only an admin can mend.
"""
