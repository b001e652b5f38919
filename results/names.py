"""What to call runs that stand together, such as those of a table."""

from collections.abc import Iterable, Sequence

from results.manifest import Manifest, MemberRecord, ModelRecord
from results.run import Run

PLACES = ("weights", "data", "labels")
"""Settings that may be paths, of which the end is shown."""

OF_IMAGES = ("data", "labels", "limit", "shuffle-seed")
"""Settings that decide which images a run is on, and what their labels are."""


def distinct_names(runs: Sequence[Run]) -> list[str]:
    """A name for each run, so that no two runs have a row of a table in common.

    It is the run's own name, but where runs share a name and a protocol, it says in which settings they
    differ: `v3 (pool max)`. Where they differ in none of those, it has the beginning of the run's identity.
    Where some runs are scored among a set of classes and others are not, each name says on which data it is.
    """
    rivals = [[other for other in runs if _share_rows(run, other)] for run in runs]
    settings = [_differing_settings(run, others) for run, others in zip(runs, rivals, strict=True)]
    by_identity = {run.identity: texts for run, texts in zip(runs, settings, strict=True)}
    places = _places_of_data(runs)
    names = []
    for run, others, texts in zip(runs, rivals, settings, strict=True):
        if any(by_identity[other.identity] == texts for other in others):
            texts = [*texts, f"run {run.identity[:8]}"]
        if place := places.get(run.identity):
            texts = [*(text for text in texts if not text.startswith("data ")), f"data {place}"]
        names.append(f"{run.name} ({', '.join(texts)})" if texts else run.name)
    return names


def _places_of_data(runs: Sequence[Run]) -> dict[str, str]:
    """The ends of the paths of the data, by the runs' identities, where sets of classes differ; else none."""
    data = [run.manifest.data for run in runs]
    if len({each.class_set for each in data}) == 1:
        return {}
    paths = {each.path.rstrip("/") for each in data}
    return {run.identity: _end(run.manifest.data.path.rstrip("/"), paths) for run in runs}


def names_with_weights(run: Run) -> list[str]:
    """The network of a run, or those of an ensemble, as `--models` takes them: NAME.TAG, NAME=FILE, or NAME
    where the weights come with the network.
    """
    return [_name_with_weights(network.model) for network in _networks(run)]


def adversarial_names(runs: Iterable[Run]) -> list[str]:
    """Those of the runs' networks, NAME.TAG, whose weights are adversarially trained."""
    models = [network.model for run in runs for network in _networks(run)]
    return list(dict.fromkeys(f"{model.name}.{model.tag}" for model in models if is_adversarial(model.tag)))


def is_adversarial(tag: str) -> bool:
    """Whether public weights were trained on adversarial images, too, by their tag.

    >>> is_adversarial("tf_adv_in1k"), is_adversarial("tf_in1k")
    (True, False)
    """
    return "adv" in tag.split("_")


def _name_with_weights(model: ModelRecord) -> str:
    if model.tag:
        return f"{model.name}.{model.tag}"
    return model.weights if model.weights.endswith(model.name) else f"{model.name}={model.weights}"


def network_of(name: str) -> str:
    """The name of the network in one of `distinct_names`.

    >>> network_of("v3 (pool max)"), network_of("v3")
    ('v3', 'v3')
    >>> network_of("v3 (imported) (weights v3.npy)")
    'v3 (imported)'
    """
    network, _, rest = name.partition(" (")
    mark = imported_name("")
    return network + mark if f" ({rest}".startswith(mark) else network


def imported_name(network: str) -> str:
    """What tables call a network whose predictions were imported.

    >>> imported_name("v3")
    'v3 (imported)'
    """
    return f"{network} (imported)"


def _share_rows(run: Run, other: Run) -> bool:
    """Whether these are two runs of one name that have a protocol in common."""
    two_of_one_name = run.identity != other.identity and run.name == other.name
    return two_of_one_name and any(protocol in other.protocols for protocol in run.protocols)


def _differing_settings(run: Run, others: Sequence[Run]) -> list[str]:
    """The settings in which a run differs from any of the others, such as `pool max`."""
    differing = {name for other in others for name in _difference(run, other)}
    own, theirs = _settings(run), [_settings(other) for other in others]
    texts = []
    for name, values in own.items():
        if name not in differing or not any(values):
            continue
        if name in PLACES:
            places = {place for each in theirs for place in each[name]}
            values = tuple(_end(value, places) for value in values)
        texts.append(f"{name} {'+'.join(dict.fromkeys(values))}")
    return texts


def _difference(run: Run, other: Run) -> set[str]:
    """The names of the settings in which two runs differ."""
    settings, others = _settings(run), _settings(other)
    names = {name for name in settings if settings[name] != others[name]}
    if run.manifest.data.fingerprint == other.manifest.data.fingerprint:
        names.difference_update(OF_IMAGES)  # the same images, from another place
    elif "data" in names:
        names.discard("labels")
    hashes = [[network.model.weights_sha256 for network in _networks(each)] for each in (run, other)]
    if all(hashes[0]) and hashes[0] == hashes[1]:
        names.discard("weights")
    shared = [protocol for protocol in run.protocols if protocol in other.protocols]
    if _scales(run, shared) == _scales(other, shared):
        names.discard("scales")
    return names


def _settings(run: Run) -> dict[str, tuple[str, ...]]:
    """What runs of one network may differ in, by name: one text, or one for each network of an ensemble."""
    data, networks = run.manifest.data, _networks(run)
    models, plans = [each.model for each in networks], [each.plan for each in networks]
    runtimes = [each.runtime for each in networks if each.runtime]
    return {
        "weights": tuple(model.tag or model.weights for model in models),
        "ema": tuple("" if model.ema is None else "yes" if model.ema else "no" for model in models),
        "like": tuple("" if model.tag else model.prepared_like for model in models),
        "label-order": tuple(model.label_order for model in models),
        "crops": (run.protocols[-1],),
        "scales": _scales(run, run.protocols),
        "pool": tuple(plan.pool or "" for plan in plans),
        "interpolation": tuple(plan.interpolation or "" for plan in plans),
        "data": (data.path.rstrip("/"),),
        "labels": (data.labels,),
        "limit": (str(data.limit or "none"),),
        "shuffle-seed": ("none" if data.shuffle_seed is None else str(data.shuffle_seed),),
        "precision": tuple(runtime.precision for runtime in runtimes),
        "compile": tuple("yes" if runtime.compile else "no" for runtime in runtimes),
        "device": tuple(runtime.device.partition(":")[0] for runtime in runtimes),
        "renderer": tuple(plan.renderer or "" for plan in plans),
    }


def _networks(run: Run) -> Sequence[Manifest | MemberRecord]:
    """What has the model, the plan and the runtime of each network."""
    return run.manifest.model.members or (run.manifest,)


def _scales(run: Run, protocols: Iterable[str]) -> tuple[str, ...]:
    """The shorter sides that each network's crops are from, under these protocols."""
    sides = [
        sorted({side for name in protocols for side in network.plan.protocols[name].scales or ()})
        for network in _networks(run)
    ]
    return tuple("+".join(map(str, each)) for each in sides)


def _end(path: str, others: Iterable[str]) -> str:
    """The shortest end of a path, in whole names, that none of the others has.

    >>> _end("a/x.pth", ["a/y.pth"]), _end("a/x.pth", ["b/x.pth", "a/x.pth"])
    ('x.pth', 'a/x.pth')
    """
    names = path.split("/")
    for start in reversed(range(len(names))):
        end = "/".join(names[start:])
        if not any(f"/{other}".endswith(f"/{end}") for other in others if other != path):
            return end
    return path
