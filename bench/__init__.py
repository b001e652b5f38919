"""inception-bench: evaluates image classifiers on ImageNet by the protocols of the Inception papers."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.evaluation.evaluate import evaluate

__all__ = ["evaluate"]


def __getattr__(name: str) -> Any:
    """Import `evaluate` when it is first used, because torch comes with it."""
    if name == "evaluate":
        from bench.evaluation.evaluate import evaluate

        return evaluate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
