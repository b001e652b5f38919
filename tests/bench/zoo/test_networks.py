"""The table of networks, and names that are not in it."""

import pytest

from bench.errors import UsageError
from bench.zoo import NETWORKS, find


def test_table_has_every_network_of_the_papers():
    wanted = (
        "v1 bn-v1 bn v2 v2-factorised v2-bn-aux v2-all v2-151 v2-79 v3 v3-2015 v4 ir-v1 ir-v1-paper ir-v2"
    )
    assert set(wanted.split()) <= NETWORKS.keys()


def test_tag_behind_a_name_comes_first():
    assert find("v3.tv_in1k").tags == ("tv_in1k", "tf_in1k", "tf_adv_in1k", "gluon_in1k")
    assert find("v3.other").tags[0] == "other"
    assert find("timm/resnet50").tags == ()


@pytest.mark.parametrize(
    ("name", "near"), [("v33", "v3"), ("inception", "v1"), ("kaggle/v3", "v3"), ("timm/", "v1")]
)
def test_unknown_name_suggests_the_nearest(name, near):
    with pytest.raises(UsageError, match=f"no network '{name}': try .*{near}.*, or PROVIDER/NAME with timm"):
        find(name)
