"""Running it: app.py puts the parts together, owner.py decides which process runs a repo's turns.

crew.py serves one repo or several; doors.py which doors are open, claims.py whose a channel is, applock.py
one connection to a Slack app; narrate.py what happens, as lines of the log; notify.py tells a supervisor.
unit.py a service's file, envfile.py its environment, managers.py systemd and launchd, installed.py the rest.
github_side.py GitHub as a door; following.py what becomes of pull requests, replying.py answers to reviews,
awaiting.py merges that wait for checks;
bridging.py an issue and a chat.
keeping.py copies and backups; restoring.py one in the place of the store; forgetting.py a person taken out.
"""
