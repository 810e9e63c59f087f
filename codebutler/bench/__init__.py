"""What ``codebutler bench`` measures, always beside a floor of the same run.

rows.py a figure, its target and how both are shown; clock.py medians of alternating rounds; samples.py the
repos to measure on; calls.py start, read, edit, bash; searches.py grep beside ripgrep; memory.py resident
memory; worktree.py beside ``git worktree add``; executor.py all of these; talk.py logs of threads;
logs.py append and fold; daemon.py a real daemon; serving.py it at rest, killed, with a crowd; threads.py
all of these; turns.py the loop around a model, recording.py and bills.py what it sends and what that costs.
"""
