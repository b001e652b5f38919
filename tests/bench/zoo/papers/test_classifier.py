"""Auxiliary heads, and checkpoints of other networks."""

import pytest
import torch
from safetensors.torch import save_file
from timm import create_model
from torch import nn

from bench.errors import WeightsError
from bench.zoo.loading import load
from bench.zoo.papers.googlenet import googlenet
from bench.zoo.papers.rethinking import inception
from tests.bench.zoo.papers.conftest import NARROW, on_meta


@pytest.mark.parametrize(
    ("build", "parameters", "with_heads"),
    [(googlenet, 6_998_552, 13_378_280), (inception, 23_834_568, 27_161_264)],
    ids=["googlenet", "inception-v3"],
)
def test_parameters_with_and_without_auxiliary_heads(build, parameters, with_heads):
    """As in Caffe's GoogLeNet and torchvision's inception_v3."""
    module = on_meta(build)
    total, heads = (sum(p.numel() for p in part.parameters()) for part in (module, module.auxiliary))
    assert (total - heads, total) == (parameters, with_heads)


@pytest.mark.parametrize("norm", [True, False])
def test_auxiliary_heads_have_logits_in_training_only(norm):
    module = inception(7, width=NARROW, auxiliary_norm=norm)
    # with `norm` the 5x5 is batch-normalised, too: the BN-auxiliary of Table 3
    assert sum(isinstance(part, nn.BatchNorm2d) for part in module.auxiliary.modules()) == 1 + norm
    logits, side_logits = module.train()(torch.randn(2, 3, 299, 299))
    assert [tuple(part.shape) for part in (logits, *side_logits)] == [(2, 7), (2, 7)]
    assert module.eval()(torch.randn(1, 3, 299, 299)).shape == (1, 7)
    assert len(googlenet(7, width=NARROW).train()(torch.randn(2, 3, 224, 224))[1]) == 2


@pytest.mark.parametrize("name", ["v2", "v1-paper", "bn-v1", "ir-v1-paper", "v2-bn-aux"])
def test_weights_of_v3_do_not_fit_other_networks(name, tmp_path):
    save_file(create_model("inception_v3").state_dict(), tmp_path / "v3.safetensors")
    with pytest.raises(WeightsError, match=r"v3\.safetensors does not fit Classifier: \d+ missing"):
        load(name, str(tmp_path / "v3.safetensors"))


@pytest.mark.parametrize(
    ("side", "pool"),
    [(17, nn.AvgPool2d(5, 3)), (7, nn.AdaptiveAvgPool2d(5)), (3, nn.AdaptiveAvgPool2d(5))],
    ids=["v2", "v2-151-naive", "mini-v3-aux"],
)
def test_head_of_inception_v2_is_figure_8_on_maps_of_any_size(side, pool):
    torch.manual_seed(0)
    head = inception(7, width=NARROW, auxiliary_norm=False).eval().auxiliary["6e"]
    first, second = (part for part in head.modules() if isinstance(part, nn.Conv2d))
    features = torch.randn(2, 96, side, side)
    norm = nn.BatchNorm2d(16, eps=0.001).eval()
    figure_8 = nn.Sequential(pool, first, norm, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), head.classifier)
    torch.testing.assert_close(head(features), figure_8(features))


@pytest.mark.parametrize(("side", "pool"), [(14, nn.AvgPool2d(5, 3)), (4, nn.Identity())])
def test_head_of_googlenet_is_that_of_section_5_on_maps_of_any_size(side, pool):
    torch.manual_seed(0)
    head = googlenet(7, width=NARROW).eval().auxiliary["4a"]
    (projection,) = (part for part in head.modules() if isinstance(part, nn.Conv2d))
    features = torch.randn(2, 64, side, side)
    section_5 = nn.Sequential(
        pool, projection, nn.ReLU(), nn.Flatten(), head.hidden[0], nn.ReLU(), head.classifier
    )
    torch.testing.assert_close(head(features), section_5(features))


@pytest.mark.parametrize(
    ("build", "share"),
    [
        (googlenet, 0.7),
        (lambda **options: inception(auxiliary_dropout=0.7, **options), 0.7),
        (inception, 0.0),
    ],
    ids=["googlenet", "v2-dropout-aux", "v2-bn-aux"],
)
def test_head_drops_its_share_before_its_last_layer(build, share):
    *_, head = build(classes=7, width=NARROW).train().auxiliary.values()
    seen = []
    head.classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    torch.manual_seed(0)
    torch.nn.init.constant_(head.hidden[0].bias if len(head.hidden) else head.features[1][0].norm.bias, 9.0)
    side, channels = (14, 66) if build is googlenet else (17, 96)
    head(torch.randn(64, channels, side, side))
    assert (seen[0] == 0).float().mean() == pytest.approx(share, abs=0.03)
