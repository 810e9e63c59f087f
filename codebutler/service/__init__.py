"""Running it: app.py puts the parts together, owner.py decides which process runs a repo's turns.

keeping.py copies and backups; restoring.py one of them in the store's place; forgetting.py a person taken out.
"""
