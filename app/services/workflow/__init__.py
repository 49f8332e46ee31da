"""A research workflow: several experiments in one TOML, each made from what the one before it came to.

schema.py    what [[phase]] tables may say, and that no phase sees bars kept for validation
configs.py   the plain experiment that a phase runs
choosing.py  which parameters did best in which regime
phases.py    what each kind of phase does, and what it comes to
making.py    the runs of a phase: made, gone on with, or found
flow.py      the phases in order, begun, gone on with, or one alone
sharing.py   a whole workflow as one file, and the file run anew and compared
"""
