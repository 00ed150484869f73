"""InsightFace's detector finds the face, and its template crops it, on a detector made here.

The detector has SCRFD's nine outputs (scores, boxes and points at strides of 8, 16 and 32 pixels,
two anchors a cell) and takes any bright cell of 8 × 8 pixels for a face.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from insightface.utils import face_align
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from storage.errors import BadInput
from tests.recognizer.graphs import NODE, make, make_external, save
from workers.recognizer import BadModel, FaceDetector, align

STRIDES, ANCHORS = (8, 16, 32), 2
HALF = 4.0  # half the side of a box, in strides
POINTS = np.array([[-1, -1], [1, -1], [0, 0], [-1, 1], [1, 1]], np.float32)  # in strides
TEMPLATE = face_align.arcface_dst


def constant_head(stride: int, kind: str, values: NDArray[np.float32]) -> list[NodeProto]:
    """(1, 1, h, w) → (h · w · anchors, len(values)), the same for every anchor."""
    width, out = len(values), f"{kind}{stride}"
    return [
        NODE("Conv", [f"mean{stride}", f"{kind}.w", f"{kind}.b"], [f"{out}.maps"]),
        NODE("Transpose", [f"{out}.maps"], [f"{out}.last"], perm=[0, 2, 3, 1]),
        NODE("Reshape", [f"{out}.last", f"rows{width}"], [out]),
    ]


def head_weights(kind: str, weight: float, values: NDArray[np.float32]) -> list[TensorProto]:
    both = np.tile(values, ANCHORS)
    return [
        numpy_helper.from_array(np.full((len(both), 1, 1, 1), weight, np.float32), f"{kind}.w"),
        numpy_helper.from_array(both.astype(np.float32), f"{kind}.b"),
        numpy_helper.from_array(np.array([-1, len(values)], np.int64), f"rows{len(values)}"),
    ]


def scrfd(side: int | str) -> onnx.ModelProto:
    box, points = np.full(4, HALF, np.float32), POINTS.reshape(-1)
    nodes: list[NodeProto] = [NODE("ReduceMean", ["image"], ["grey"], axes=[1], keepdims=1)]
    outputs: dict[str, list[str]] = {"score": [], "box": [], "points": []}
    for stride in STRIDES:
        window = {"kernel_shape": [stride, stride], "strides": [stride, stride]}
        nodes.append(NODE("AveragePool", ["grey"], [f"mean{stride}"], **window))
        nodes += constant_head(stride, "score", np.zeros(1, np.float32))
        nodes.append(NODE("Sigmoid", [f"score{stride}"], [f"sure{stride}"]))
        nodes += constant_head(stride, "box", box)
        nodes += constant_head(stride, "points", points)
        for kind, name in (("score", "sure"), ("box", "box"), ("points", "points")):
            outputs[kind].append(f"{name}{stride}")
    # a cell is a face if it is white all over: sigmoid(20 · 1 − 18) is above a half
    weights = [
        *head_weights("score", 20.0, np.array([-18.0], np.float32)),
        *head_weights("box", 0.0, box),
        *head_weights("points", 0.0, points),
    ]
    names = [*outputs["score"], *outputs["box"], *outputs["points"]]
    model = make(nodes, weights, (1, 3, side, side), names, ["image"], opset=13)
    for value, width in zip(model.graph.output, [1] * 3 + [4] * 3 + [10] * 3, strict=True):
        kind = helper.make_tensor_type_proto(TensorProto.FLOAT, ["cells", width])
        value.type.CopyFrom(kind)
    return model


@pytest.fixture(params=[640, "any"])
def detector(request: pytest.FixtureRequest, tmp_path: Path) -> FaceDetector:
    return FaceDetector(save(scrfd(request.param), tmp_path / "det.onnx"))


def photo(height: int, width: int, *cells: tuple[int, int], scale: int = 1) -> NDArray[np.uint8]:
    """Black, with white cells at these corners (x, y), all in pixels of the photo."""
    image = np.zeros((height, width, 3), np.uint8)
    for x, y in cells:
        image[y : y + 8 * scale, x : x + 8 * scale] = 255
    return image


def test_a_face_is_found_where_it_is(detector: FaceDetector) -> None:
    (face,) = detector.detect(photo(640, 640, (160, 240)))
    assert face.score > 0.5
    np.testing.assert_allclose(face.box, [160 - 32, 240 - 32, 160 + 32, 240 + 32], atol=1e-3)
    np.testing.assert_allclose(face.points, [160, 240] + 8 * POINTS, atol=1e-3)


def test_boxes_and_points_are_in_the_pixels_of_a_large_oblong_photo(detector: FaceDetector) -> None:
    (face,) = detector.detect(photo(640, 1280, (320, 480), scale=2))
    np.testing.assert_allclose(face.points, [320, 480] + 16 * POINTS, atol=1e-3)


def test_several_faces_and_none(detector: FaceDetector) -> None:
    assert len(detector.detect(photo(640, 640, (160, 240), (400, 400)))) == 2
    assert detector.detect(photo(640, 640)) == []
    assert detector.detect(photo(2, 5000)) == []
    assert detector.detect(photo(5000, 2)) == []
    assert detector.detect(photo(1, 1)) == []


@pytest.mark.filterwarnings("ignore:`estimate` is deprecated:FutureWarning")
def test_the_crop_is_insightfaces() -> None:
    image = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    np.testing.assert_array_equal(align(image, TEMPLATE), image[:112, :112])
    points = (TEMPLATE * 1.7 + [40, 30]).astype(np.float32)
    np.testing.assert_array_equal(align(image, points), face_align.norm_crop(image, points))
    assert align(image, points, 128).shape == (128, 128, 3)
    assert align(image, points, 224).shape == (224, 224, 3)


def test_points_on_one_line_and_sizes_without_a_template_are_refused() -> None:
    image = photo(300, 300)
    for points in (np.full((5, 2), 3.0), np.full((5, 2), np.nan), TEMPLATE * [1, 0]):
        with pytest.raises(BadInput, match="on one line"):
            align(image, points)
    with pytest.raises(BadInput, match="no template for crops of 160 pixels"):
        align(image, TEMPLATE, 160)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("recogniser.onnx", make().SerializeToString(), "is not a face detector with five points"),
        ("text.onnx", b"hello", "is not an ONNX file"),
        ("det.bin", b"", "does not end in .onnx"),
    ],
)
def test_what_is_no_detector_is_refused(
    name: str, content: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadModel, match=reason) as caught:
        FaceDetector(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_detector_with_other_shapes_is_refused(tmp_path: Path) -> None:
    model = scrfd(640)
    model.graph.node.pop()
    with pytest.raises(BadModel, match="cannot detect with it"):
        FaceDetector(save(model, tmp_path / "det.onnx"))


def test_a_detectors_external_data_stays_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    model = scrfd(640)
    with pytest.raises(BadModel, match="outside the model's own folder"):
        FaceDetector(make_external(model, tmp_path / "model" / "det.onnx", "../data.bin"))
