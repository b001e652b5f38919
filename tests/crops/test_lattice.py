from crops.lattice import DENSE_SCALES, GOOGLENET_SCALES, View, lattice, scale_set


def test_scales_for_other_inputs_keep_the_ratio():
    assert scale_set(224) == (256, 288, 320, 352) == GOOGLENET_SCALES
    assert scale_set(299) == (342, 384, 427, 470)


def test_scales_of_dense_evaluation_are_those_of_the_resnet_paper():
    assert DENSE_SCALES == (224, 256, 384, 480, 640)


def test_lattice_of_the_paper_has_144_different_views():
    assert len(set(lattice(GOOGLENET_SCALES))) == 144


def test_lattice_goes_scale_by_scale_and_mirrors_vary_fastest():
    views = lattice((256, 288), ("centre",), ("centre", "whole"))
    assert views[:3] == (
        View(256, "centre", "centre", mirror=False),
        View(256, "centre", "centre", mirror=True),
        View(256, "centre", "whole", mirror=False),
    )
    assert [view.scale for view in views] == [256] * 4 + [288] * 4
