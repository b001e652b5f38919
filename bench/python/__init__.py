"""What `import bench` offers: a module for each function, as `bench.cli` has one for each command.

evaluate.py             `bench.evaluate`
ensemble.py             `bench.ensemble`
import_predictions.py   `bench.import_predictions`
open.py                 `bench.open`
arguments.py            the names and types of what a caller passes, checked for all of them
display.py              what a caller sees meanwhile
"""
