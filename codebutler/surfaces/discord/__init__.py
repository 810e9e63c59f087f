"""The Discord door: a thread or forum post in Discord is a thread of ours.

In: link.py the bot's one connection (ears.py); inbound.py what an event means, saying.py and spelling.py
what its message says; hearing.py whose it is, with places.py for channels, talks.py for mentions elsewhere,
intake.py for files and earlier words, loose.py words in no thread; catchup.py, changes.py,
crosses.py what nobody heard. Interactions:
doing.py one of them and its answers; hands.py buttons and forms (forms.py); slash.py commands (catalogue.py
their shape), opening.py and partner.py conversations that begin with us, logs.py, admin.py a server's
settings (office.py what they need of the host). Out: door.py delivery, standing.py what stands there
already, moving.py forks; signs.py reactions, typing, archiving; looks.py embeds, buttons, pieces; calls.py
the REST API; troubles.py what only an admin can mend; setup.py what init and the doctor ask.
"""
