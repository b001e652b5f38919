"""The papers' experiments that compare variants: which there are, how they are run, and what comes out.

table.py                what each experiment compares, and what its paper found; without torch
run.py                  trains and evaluates the mini variants
outcome.py              errors, exact paired tests, the chart
outcome_tables.py       what came out, as tables for a terminal
factorisation_cost.py   the experiment without training: what factorised convolutions cost
"""
