"""GitHub: github.com, Enterprise, and whatever speaks the same API.

spot.py which repository a remote is; access.py who we are: token, gh, App; calls.py the API at its pace;
refusals.py its errors; forge.py pull requests (``forges.base.Forge``), with pulls.py, merging.py, owners.py;
checks.py what CI says of a commit, logcut.py what matters of it,
verdict.py what to do about it; again.py git, where GitHub stumbles.
"""
