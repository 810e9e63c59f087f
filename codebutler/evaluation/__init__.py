"""Evals: tasks with an end that can be checked, carried out by the real engine with any model.

shape.py the file format; loading.py reads it; rehearsal.py its scripted runs, without a model;
ground.py the repo of one run; play.py the thread; facts.py what it left; oracles.py and proofs.py what that
must be; budget.py money over all runs; series.py all runs; report.py the table.
"""
