"""inception-bench: evaluates image classifiers on ImageNet by the protocols of the Inception papers."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.python.ensemble import ensemble
    from bench.python.evaluate import evaluate
    from bench.python.import_predictions import import_predictions
    from bench.python.open import open  # noqa: A004 - `bench.open` is the name that people look for

__all__ = ["ensemble", "evaluate", "import_predictions", "open"]


def __getattr__(name: str) -> Any:
    """Import a function when it is first used, because torch comes with most of them."""
    if name in __all__:
        return getattr(import_module(f"bench.python.{name}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The names that a shell completes, those among them that are not imported yet."""
    return sorted({*globals(), *__all__})
