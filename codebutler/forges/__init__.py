"""Where pull requests live.

base: what every forge can do. local: a bare remote on disk with its PRs in the store (table: records, merge:
squash). choose: which forge a repository has.
"""
