"""Running it: app.py puts the parts together, owner.py decides which process runs a repo's turns."""
