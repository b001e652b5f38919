"""`python -m bench`, which is what torchrun starts."""

from bench.cli import app

app(prog_name="inception-bench")
