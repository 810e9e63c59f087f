"""Running it: app.py puts the parts together, owner.py decides which process runs a repo's turns.

doors.py which doors are open; keeping.py copies and backups; restoring.py one in the place of the store;
forgetting.py a person taken out.
"""
