"""The tables of the papers, row by row, with the networks that stand for them."""
