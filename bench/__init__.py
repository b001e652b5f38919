"""inception-bench: evaluates image classifiers on ImageNet by the protocols of the Inception papers."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.evaluation.evaluate import evaluate
    from bench.imports.import_predictions import import_predictions

__all__ = ["evaluate", "import_predictions"]


def __getattr__(name: str) -> Any:
    """Import `evaluate` and `import_predictions` when they are first used, because torch comes with them."""
    if name == "evaluate":
        from bench.evaluation.evaluate import evaluate

        return evaluate
    if name == "import_predictions":
        from bench.imports.import_predictions import import_predictions

        return import_predictions
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
