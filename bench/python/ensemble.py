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
        crops: native, 1, 10, 12, 144, dense, a list of them, or scales x squares x positions x mirrors such
            as 2x1x5x2; `inception-bench protocols` says what they are; auto: native for public weights of
            timm, torchvision and pytorchcv, else 1
        scales: shorter sides in pixels, such as 320,352,384,416 (default: the paper's, scaled to the input)
        interpolation: bilinear or bicubic; auto: what the weights were made for
        pool: how crops become one prediction: mean of probabilities, logits, or max
        input_size: side of the network's input in pixels (default: what the weights say)
        mean: what is subtracted from levels of 0 to 1, such as 0.485,0.456,0.406 (default: as above)
        std: what divides them then, such as 0.229,0.224,0.225 (default: as above)
        data: a folder of WordNet-id folders or of ImageNetV2's 0 to 999, a flat folder, a .tar, WebDataset
            shards ('val-{0000..0063}.tar'), parquet files (all of these also at s3://...), hf://NAME:SPLIT,
            or mini, the set that is included
        labels: a label file with lines 'NAME CLASS' (default: found in or beside the data)
        devkit: an ILSVRC devkit, folder or .tar.gz (default: found in or beside the data)
        blacklist: a devkit of 2014 or later, or a plain list (default: found in or beside the data)
        classes: the classes that count: imagenet-a, imagenet-r, objectnet, all, or a file of WordNet ids
            (default: all; a data set whose folders are exactly one of these sets is recognised)
        limit: evaluate only the first N images
        shuffle_seed: with --limit: draw the images with this seed
        device: cpu, cuda, cuda:1, mps; auto: the first that is available
        precision: fp32, bf16 or fp16; auto: fp32, or half precision where it pays and predicts the same (on a
            GPU fp16, for long evaluations on a processor that has it bf16)
        batch: crops classified at a time (default: 4 crops of 299 x 299 on a CPU, 256 elsewhere, scaled by
            area)
        workers: threads that decode and render (default: one for each core, at most 16)
        out: the folder that runs are written to, also at s3://...
        fresh: start anew where a run exists (a run knows its images by name, size and label)
        verify: read the images of an earlier run again, and evaluate anew those that were replaced since
        skip_unreadable: leave out images that cannot be decoded, and list them; otherwise they end the run
        allow_implausible: continue when labels and predictions agree no better than by chance
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
