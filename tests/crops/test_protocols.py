from dataclasses import fields

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crops import AXES, DEFINITIONS, Plan, ProtocolError, View, parse, parse_scales
from crops.lattice import DenseView
from tests.helpers import result_or_refusal


def names(text, size=224, scales=None):
    return [protocol.name for protocol in parse(text, size, scales)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", ["1"]),
        ("10", ["1", "10"]),
        ("12", ["1", "10", "12"]),
        ("144", ["1", "10", "12", "144"]),
        ("1,10,144", ["1", "10", "12", "144"]),
        (" 12 , 1 ", ["1", "10", "12"]),
        ("dense", ["dense"]),
        ("dense,10", ["1", "10", "dense"]),
        ("1x1x5x2", ["1", "10"]),
        ("1x1x6x2", ["1", "10", "12"]),
        ("2x1x2x2", ["1", "2x1x2x2"]),
        ("2x1x5x2", ["1", "10", "2x1x5x2"]),
        ("4x3x6x2", ["1", "10", "12", "144"]),
    ],
)
def test_parse_adds_the_usual_protocols_whose_views_are_included(text, expected):
    assert names(text) == expected


def test_names_are_the_numbers_of_crops():
    assert [protocol.crops for protocol in parse("144,dense", 224)] == [1, 10, 12, 144, 5]


def test_each_usual_protocol_is_defined():
    assert list(DEFINITIONS) == ["native", *names("144,dense")]


def test_definition_of_144_crops_has_their_counts():
    (_, _, _, protocol) = parse("144", 224)
    counts = [len({getattr(view, axis) for view in protocol.views}) for axis in AXES]
    scales, squares, positions, mirrors = counts
    words = f"{scales} scales x {squares} squares x {positions} positions x {mirrors} mirrors"
    assert DEFINITIONS["144"].views.startswith(words)


def test_each_axis_of_the_lattice_is_described():
    assert list(AXES) == [field.name for field in fields(View)]


def test_scales_replace_those_of_the_papers():
    protocols = parse("144", 299, [320, 352, 384, 416])
    assert {view.scale for protocol in protocols for view in protocol.views} == {320, 352, 384, 416}
    assert names("10", 224, [240]) == ["1", "10"]


def test_scale_of_the_input_size_leaves_room_for_a_crop():
    assert names("10", 224, [224]) == ["1", "10"]


def test_scales_have_to_be_used_by_one_of_the_protocols_only():
    assert names("1,144", 224, [256, 288, 320, 352]) == ["1", "10", "12", "144"]


def test_dense_evaluation_may_look_at_less_than_the_input():
    (dense,) = parse("dense", 224, [1, 200])
    assert dense.views == (DenseView(1), DenseView(200))


def test_two_positions_are_the_centre_and_the_whole_square():
    views = parse("1x1x2x2", 224)[-1].views
    assert [(view.position, view.mirror) for view in views] == [
        ("centre", False),
        ("centre", True),
        ("whole", False),
        ("whole", True),
    ]


def test_dense_views_have_the_five_scales_of_the_resnet_paper():
    (dense,) = parse("dense", 224)
    assert dense.views == tuple(DenseView(scale) for scale in (224, 256, 384, 480, 640))


@pytest.mark.parametrize(
    "text", ["", "0", "11", "1,,10", "1x2x3x4", "144x", "-1", "dense2", "0x1x1x1", "1x1x5x3"]
)
def test_refusal_of_an_unknown_protocol_lists_the_known_ones(text):
    with pytest.raises(ProtocolError, match="write native, 1, 10, 12, 144, dense"):
        parse(text, 224)


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ([256], "144 crops need 4 scales"),
        ([256, 257, 258, 259, 260], "uses 4 of the 5 scales"),
        ([256, 200, 300, 400], "scale 200 is smaller than the network's input of 224 pixels"),
        ([256, 256, 300, 400], "different"),
    ],
)
def test_unsuitable_scales_are_refused(scales, message):
    with pytest.raises(ProtocolError, match=message):
        parse("144", 224, scales)


@pytest.mark.parametrize("scales", [[256, 256], [0, 256], [256, -1]])
def test_dense_scales_that_are_repeated_or_too_small_are_refused(scales):
    with pytest.raises(ProtocolError, match="write different positive numbers"):
        parse("dense", 224, scales)


@given(
    st.text(alphabet="0123456789x,.- densetimmcropé²", max_size=30) | st.text(max_size=12),
    st.none() | st.text(alphabet="0123456789,.- x", max_size=20),
)
@example("144", None)
@example("9" * 400, None)
@example("2x1x5x2", "70,80")
def test_any_text_gives_protocols_whose_views_are_averaged_or_a_protocol_error(text, scales):
    plan, refusal = result_or_refusal(lambda: Plan(parse(text, 64, parse_scales(scales)), 64), ProtocolError)
    if refusal:
        assert "\n" not in refusal
        return
    patches, weights = plan.patches(90, 70)
    assert weights.shape == (len(plan.names), len(patches))
    assert np.allclose(weights.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("text", "scales"), [(None, None), ("", None), ("342", [342]), ("342,384", [342, 384])]
)
def test_parse_scales(text, scales):
    assert parse_scales(text) == scales


@pytest.mark.parametrize("text", ["a", "342,", "342;384", "3.5"])
def test_unreadable_scales_are_refused_with_an_example(text):
    with pytest.raises(ProtocolError, match="such as 342,384,427,470"):
        parse_scales(text)


def test_a_protocol_error_is_wrong_usage():
    assert ProtocolError.exit_code == 2
