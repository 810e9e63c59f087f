"""The thread: state.py what a turn knows; fold.py state from events; log.py append, sync, post.

workspace.py branch, worktree, executor; saves.py checkpoints; guidance.py instructions of folders;
incoming.py what others push, joining.py what the Coder settles of it, laying.py another commit's files;
relocated.py a model's hands; plugs.py MCP servers;
desk.py what tools reach (shipping.py commits and PR, studio.py pictures), slow.py those that hang;
mail.py messages and decisions;
ears.py recordings, attached.py files; phases.py PM, Coder, Lead, close; queueing.py merge queues;
identity.py, linking.py who people are at GitHub;
handing.py what a Coder leaves, mending.py what checks and reviewers find;
intake.py messages in; worker.py one turn, turn.py how it is stopped; engine.py all threads;
host.py the repo's services.
caps.py money, near.py who is warned, bill.py what all threads cost, pool.py, swap.py, saving.py
other models, lastword.py what is offered at a cap;
radar.py who gets in whose way: reach.py, names.py, warning.py, ahead.py, issues.py, aside.py;
evidence.py and replay.py a log and what was made of it, page.py a page to read;
retention.py what goes by age, forget.py a person who goes.
"""
