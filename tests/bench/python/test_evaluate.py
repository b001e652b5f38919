import numpy as np
import pytest

import bench
from bench.errors import UsageError


def test_folder_of_checkpoints_is_for_the_command(tmp_path):
    with pytest.raises(UsageError, match="is a folder: name one of its checkpoints"):
        bench.evaluate(weights=tmp_path)


def test_natural_values_make_the_same_run(evaluate):
    assert evaluate(crops=[1, 10], limit=np.int64(3)).path == evaluate(crops="1,10", limit=3).path
