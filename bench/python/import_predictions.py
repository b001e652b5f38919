"""`bench.import_predictions`: every option of the command `import`, written out."""

from pathlib import Path

from bench.imports import OPTIONS
from bench.imports.import_predictions import make_run
from bench.progress import Reporter
from bench.python.arguments import checks_arguments, options_from
from bench.python.choose_reporter import choose_reporter
from results.run import Run
from results.storage import parse_path


@checks_arguments
def import_predictions(
    file: str | Path,
    *,
    names: str | Path | None = None,
    model: str | None = None,
    logits: bool = False,
    protocol: str | int = "1",
    label_order: str = "auto",
    data: str | Path = "mini",
    labels: str | Path | None = None,
    devkit: str | Path | None = None,
    blacklist: str | Path | None = None,
    classes: str | Path | None = None,
    limit: int | None = None,
    shuffle_seed: int | None = None,
    out: str | Path = "runs",
    fresh: bool = False,
    allow_implausible: bool = False,
    progress: bool = True,
    reporter: Reporter | None = None,
) -> Run:
    """Make a run of the probabilities or logits in a file, which something else computed.

    The same call again returns the finished run. Raises as `bench.evaluate` does.

    Args:
        file: a .npy, .npz, .safetensors, .csv or .parquet file: a row for each image, a column for each
            class; FILE:NAME is one of several arrays
        names: a text file with a line for each row, its image's name (default: what the file has as `image`,
            `name`, `filename`, `names` or `ids`, else the order of the data)
        model: the network's name in tables (default: the file's)
        logits: the scores are logits; their softmax is stored
        protocol: what was pooled: 1, 10, 12, 144, dense, 1/timm and so on
        label_order: What the outputs stand for: wordnet, background-first or ilsvrc; auto: by their number.
        data: A folder of WordNet-id folders or of ImageNetV2's 0 to 999, a flat folder, a .tar, WebDataset
            shards ('val-{0000..0063}.tar'), parquet files (all also at s3://...), hf://NAME:SPLIT, or mini,
            which is included.
        labels: A file of lines 'NAME CLASS' (default: found in or beside the data).
        devkit: An ILSVRC devkit, folder or .tar.gz (default: found in or beside the data).
        blacklist: A devkit of 2014 or later, or a list (default: found in or beside the data).
        classes: The classes that count: imagenet-a, imagenet-r, objectnet, all, or a file of WordNet ids
            (default: the set that the data's folders are, else all).
        limit: Evaluate only the first N images.
        shuffle_seed: With --limit: draw the images with this seed.
        out: The folder that runs are written to, also at s3://...
        fresh: Start anew where a run exists, instead of continuing it or using it again.
        allow_implausible: Continue when labels and predictions agree no better than by chance.
        progress: show how far it is, the speed and the error so far, and notes, on stderr or in the notebook;
            the other ranks of torchrun show nothing
        reporter: receives these in place of the display: an object with the methods of
            `bench.progress.Reporter`

    """
    options = options_from(locals(), OPTIONS)
    with choose_reporter(progress, reporter) as shown:
        return make_run(
            str(file),
            options,
            names=None if names is None else parse_path(names),
            model=model,
            logits=logits,
            protocol=str(protocol),
            reporter=shown,
        )
