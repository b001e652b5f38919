"""What goes wrong in training, as one line that says what to do."""

import pytest
from torch.distributed import DistError

from bench.errors import BenchError, UnreadableImage
from bench.training.failures import training_errors


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            RuntimeError("size is too small\nmore"),
            r"v9 cannot be trained like this \(RuntimeError: size is too small\): choose another --model",
        ),
        (
            RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "),
            r"a process that decodes images was ended .*: pass fewer --workers",
        ),
        (DistError("connection lost"), r"a rank is gone \(connection lost\): start the same command again"),
        (RuntimeError("[third_party/gloo/pair.cc:5] Connection closed by peer"), "a rank is gone"),
    ],
)
def test_error_of_a_network_or_a_process_says_what_to_do(error, message):
    with pytest.raises(BenchError, match=message), training_errors("v9"):
        raise error


@pytest.mark.parametrize(
    "error",
    [
        UnreadableImage("x"),
        OSError("y"),
        MemoryError(),
        RuntimeError("CUDA out of memory"),
        KeyboardInterrupt(),
    ],
)
def test_error_with_a_line_of_its_own_stays_as_it_is(error):
    with pytest.raises(type(error)) as caught, training_errors("v9"):
        raise error
    assert caught.value is error
