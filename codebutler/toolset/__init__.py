"""What a role may call.

desk.py: what a tool may reach of its thread; registry.py: a role's tools, checked and run;
native.py: the sandboxed tools; team.py, repo.py, memory.py, skills.py: the daemon's own, by subject;
mcp.py: those of MCP servers.
"""
