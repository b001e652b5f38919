"""Made-up objects and detections, and the rules of the challenges written out as loops over single boxes."""

from dataclasses import replace

import numpy as np

from results.detection.boxes import Annotations, Detections
from results.detection.manifest import DetectionsManifest, ProposalsRecord, write_manifest
from results.manifest import DataRecord, ModelRecord
from results.storage import sha256


def annotations(*objects, images=("a",), classes=("cat", "dog"), difficult=(), blacklist=()):
    """Annotations of objects (image, class index, xmin, ymin, xmax, ymax); `difficult` are their numbers."""
    return Annotations(
        images=tuple(images),
        classes=tuple(classes),
        image=[each[0] for each in objects],
        category=np.array([each[1] for each in objects], dtype=np.int64),
        box=np.array([each[2:] for each in objects], dtype=np.float64).reshape(-1, 4),
        difficult=np.array([i in difficult for i in range(len(objects))], dtype=bool),
        blacklist=frozenset(blacklist),
    )


def detections(*found):
    """Detections (image, class index, score, xmin, ymin, xmax, ymax)."""
    return Detections(
        image=[each[0] for each in found],
        category=np.array([each[1] for each in found], dtype=np.int64),
        score=np.array([each[2] for each in found], dtype=np.float64),
        box=np.array([each[3:] for each in found], dtype=np.float64).reshape(-1, 4),
    )


def write_run(folder, table="", **changes):
    """A complete run of detections with this table. `changes` are of its manifest's fields."""
    folder.mkdir()
    (folder / "detections.csv").write_text(table)
    manifest = DetectionsManifest(
        identity="x",
        complete=True,
        networks=(ModelRecord(name="v3", provider="timm", architecture="inception_v3", tag="tf_in1k"),),
        runtimes=(),
        data=DataRecord(path="val", images=5, labels="none"),
        proposals=ProposalsRecord(path="proposals.csv", sha256="", regions=9),
        classes=("cat", "dog"),
        background="",
        selection={},
        detections_sha256=sha256(table.encode()),
        started="2026-01-01T00:00:00+00:00",
    )
    write_manifest(folder, replace(manifest, **changes))
    return folder


def random_case(seed, *, images=30, classes=4, objects=90, found=400, smallest=4, largest=80, digits=1):
    """Random annotations and detections. Many detections are near an object, and many scores are equal."""
    generator = np.random.default_rng(seed)
    corner = generator.integers(0, 100, (objects, 2))
    box = np.concatenate([corner, corner + generator.integers(smallest, largest, (objects, 2))], axis=1)
    names = [f"image {i}" for i in range(images)]
    of_object = generator.integers(0, images, objects)
    category = generator.integers(0, classes, objects)
    annotated = annotations(
        *((names[i], c, *corners) for i, c, corners in zip(of_object, category, box.tolist(), strict=True)),
        images=names,
        classes=[f"class {i}" for i in range(classes)],
        difficult=np.flatnonzero(generator.random(objects) < 0.1),
    )
    near = generator.integers(0, objects, found)
    jittered = box[near] + generator.normal(0, 0.12, (found, 4)) * np.tile(box[near, 2:] - box[near, :2], 2)
    low, high = np.minimum(jittered[:, :2], jittered[:, 2:]), np.maximum(jittered[:, :2], jittered[:, 2:])
    kind = np.where(generator.random(found) < 0.8, category[near], generator.integers(0, classes, found))
    score = generator.random(found).round(digits)
    rows = zip(of_object[near], kind, score, np.concatenate([low, high], axis=1).tolist(), strict=True)
    return annotated, detections(*((names[i], c, s, *corners) for i, c, s, corners in rows))


def slow_overlap(a, b):
    """Intersection over union of two boxes whose corners are inside."""
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    area_a = (a[2] - a[0] + 1) * (a[3] - a[1] + 1)
    area_b = (b[2] - b[0] + 1) * (b[3] - b[1] + 1)
    return width * height / (area_a + area_b - width * height)


def slow_average_precision(hits, objects):
    """The area as VOCap.m has it, of the hits (True or False) of the detections, the best first."""
    recall, precision, found = [0.0], [0.0], 0
    for number, hit in enumerate(hits, start=1):
        found += hit
        recall.append(found / objects)
        precision.append(found / number)
    recall.append(1.0)
    precision.append(0.0)
    for i in reversed(range(len(precision) - 1)):
        precision[i] = max(precision[i], precision[i + 1])
    return sum((recall[i] - recall[i - 1]) * precision[i] for i in range(1, len(recall)))


def slow_score(annotated, found, rule):
    """The average precision of each class that has objects, by `ilsvrc` or `pascal`."""
    result = {}
    for category in range(len(annotated.classes)):
        own = [
            j
            for j in range(len(annotated.image))
            if annotated.category[j] == category
            and not (rule == "ilsvrc" and (annotated.image[j], category) in annotated.blacklist)
        ]
        countable = [j for j in own if rule == "ilsvrc" or not annotated.difficult[j]]
        if not countable:
            continue
        order = [i for i in range(len(found.image)) if found.category[i] == category]
        order.sort(key=lambda i: (-found.score[i], annotated.images.index(found.image[i])))
        hits, taken = [], set()
        for i in order:
            if rule == "ilsvrc" and (found.image[i], category) in annotated.blacklist:
                continue
            best, target = -1.0, None
            for j in own:
                if annotated.image[j] != found.image[i] or (rule == "ilsvrc" and j in taken):
                    continue
                box = annotated.box[j]
                overlap = slow_overlap(found.box[i], box)
                width, height = box[2] - box[0] + 1, box[3] - box[1] + 1
                enough = min(0.5, width * height / ((width + 10) * (height + 10)))
                if overlap > best and (rule == "pascal" or overlap >= enough):
                    best, target = overlap, j
            if rule == "pascal" and best < 0.5:
                target = None
            if target is not None and rule == "pascal" and annotated.difficult[target]:
                continue
            hits.append(target is not None and target not in taken)
            taken.add(target)
        result[category] = slow_average_precision(hits, len(countable))
    return result
