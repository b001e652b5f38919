import importlib

import pytest
import torch


@pytest.fixture
def device():
    """Where the kernels run: on a GPU, or else on the CPU, in Triton's interpreter.

    Triton binds a kernel to the interpreter where it is defined.
    """
    pytest.importorskip("triton")
    if torch.cuda.is_available():
        yield "cuda"
        return
    from crops import kernels

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        importlib.reload(kernels)
        yield "cpu"
    importlib.reload(kernels)
