"""The Discord door: a thread or forum post in Discord is a thread of ours.

In: link.py the bot's one connection; inbound.py what an event means; hearing.py whose it is, with places.py
for channels and intake.py for files and earlier words; catchup.py what nobody heard; hands.py buttons and
forms (forms.py), slash.py commands (catalogue.py has their shape). Out: door.py delivery, signs.py reactions,
typing, archiving; looks.py embeds, buttons, pieces; calls.py the REST API; troubles.py what only an admin can
mend; setup.py what init and the doctor ask.
"""
