"""Errors of torch and of a library's network, as the user sees them."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch.distributed import DistError

from bench.distributed import AGAIN
from bench.errors import BenchError, first_line, is_out_of_memory
from results.errors import RunError


@contextmanager
def training_errors(model: str) -> Iterator[None]:
    """Raise what goes wrong inside as a `BenchError` that says what to do.

    Memory that does not suffice, and what already has a line of its own, is raised as it is.
    """
    try:
        yield
    except (BenchError, RunError, OSError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise BenchError(_message(model, error)) from error


def _message(model: str, error: Exception) -> str:
    text = first_line(error)
    if text.startswith("DataLoader worker"):
        return f"a process that decodes images was ended ({text}): pass fewer --workers"
    if isinstance(error, DistError) or "gloo" in text:
        return f"a rank is gone ({text.partition('. ')[0]}): {AGAIN}"
    return (
        f"{model} cannot be trained like this ({type(error).__name__}: {text}): choose another --model, "
        "--device or --precision"
    )
