"""GoogLeNet's detection: proposed regions, classified by one network or by several, become detections.

Read it in this order:

- `detect`: from options to a run on disk
- `proposals`: which regions of which images
- `regions`: decode, warp and classify them, in full batches across images
- `select`: from probabilities to an image's detections
- `stored`: the run's folder, with its shards and `detections.csv`; `results.detection.manifest` describes it
"""
