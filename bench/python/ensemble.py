"""`bench.ensemble`: every option of the command `ensemble`, written out."""

from collections.abc import Sequence
from pathlib import Path

from bench.distributed import ranks
from bench.evaluation.evaluate import evaluate_members
from bench.progress import Reporter
from bench.python.arguments import checks_arguments, options_from
from bench.python.choose_reporter import choose_reporter
from bench.python.open import open as open_run
from results.ensemble import ensemble as average
from results.run import Run


@checks_arguments
def ensemble(
    *runs: Run | str | Path,
    models: str | Sequence[str] = "",
    crops: str | int | Sequence[str | int] = "auto",
    scales: str | int | Sequence[int] | None = None,
    interpolation: str = "auto",
    pool: str = "mean",
    input_size: int | None = None,
    mean: str | float | Sequence[float] | None = None,
    std: str | float | Sequence[float] | None = None,
    data: str | Path = "mini",
    labels: str | Path | None = None,
    devkit: str | Path | None = None,
    blacklist: str | Path | None = None,
    classes: str | Path | None = None,
    limit: int | None = None,
    shuffle_seed: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    batch: int | None = None,
    workers: int | None = None,
    out: str | Path = "runs",
    fresh: bool = False,
    verify: bool = False,
    skip_unreadable: bool = False,
    allow_implausible: bool = False,
    progress: bool = True,
    reporter: Reporter | None = None,
) -> Run:
    """Average the probabilities of runs, or of networks that are evaluated first; the result is a run.

    The same call again returns the finished run. The options but `out` and `fresh` are for the networks in
    `models`. Raises as `bench.evaluate` does; all members are checked before anything is evaluated.

    Args:
        runs: runs, or their names as `bench.open` takes them
        models: networks to evaluate first: NAME, NAME.TAG or NAME=FILE, as a list or with commas between
        crops: native, 1, 10, 12, 144, dense, a list of them, or a lattice such as 2x1x5x2 (see
            `inception-bench protocols`); auto: native for public weights, else 1.
        scales: Shorter sides in pixels, such as 320,352,384,416 (default: the paper's).
        interpolation: bilinear or bicubic; auto: what the weights were made for.
        pool: How crops become one prediction: mean of probabilities, logits, or max.
        input_size: Side of the network's input in pixels (default: the weights').
        mean: Subtracted from levels of 0 to 1, such as 0.485,0.456,0.406 (default: the weights').
        std: Divides them then, such as 0.229,0.224,0.225 (default: the weights').
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
        device: cpu, cuda, cuda:1 or mps; auto: the first that is available.
        precision: fp32, bf16 or fp16; auto: half precision where it pays and predicts the same, else fp32.
        batch: Crops classified at a time (default: 4 of 299 x 299 on a CPU, 256 elsewhere, scaled by area).
        workers: Threads that decode and render (default: one a core, at most 16).
        out: The folder that runs are written to, also at s3://...
        fresh: Start anew where a run exists, instead of continuing it or using it again.
        verify: Read an earlier run's images again, and evaluate anew those replaced since.
        skip_unreadable: Leave out and list images that cannot be decoded, which else end the run.
        allow_implausible: Continue when labels and predictions agree no better than by chance.
        progress: show how far it is, the speed and the error so far, and notes, on stderr or in the notebook;
            the other ranks of torchrun show nothing
        reporter: receives these in place of the display: an object with the methods of
            `bench.progress.Reporter`

    """
    options = options_from(locals())
    members = [run if isinstance(run, Run) else open_run(run) for run in runs]
    names = models if isinstance(models, str) else ",".join(models)
    with choose_reporter(progress, reporter) as shown:
        members = evaluate_members(members, names, options, shown)
    return ranks().broadcast_from_first(lambda: average(members, options.out, fresh=options.fresh))
