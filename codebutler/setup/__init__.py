"""A repo's dependencies, installed once in a cage with network, before any text of a thread is there.

recipes: what files ask for. wanted: what a commit asks for here. registries: where this host gets packages.
key: when it must be done again. build: doing it. shelf: what was made, on disk. service: one builder for each
key. All of it works on clean files of a base commit; a thread's worktree only gets the result, laid over it.
"""
