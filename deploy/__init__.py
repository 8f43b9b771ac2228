"""The ways to run PhyAssist, and the top of the house: command line, demo, sandbox, set-up, checks."""
