"""Git without ever looking at a worktree.

process, git: running it. discover: finding the repo. objects: reading commits. instructions, skills: what
a commit tells roles. transfer, remotes: fetch and push. base, lacking: where a thread starts.
worktrees, records, snapshots, layout, removal, leftovers: folders and what kills leave. checkpoints, commits,
merging, index: writing.
"""
