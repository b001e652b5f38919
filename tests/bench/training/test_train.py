"""Whole trainings: that networks learn, and that a training goes on as if it had never stopped."""

import csv
import os
import re
from functools import cache

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import nn
from torchvision.transforms.functional import resize, to_tensor

from bench.data import open_images
from bench.device import Runtime
from bench.errors import BenchError, UnreadableImage, UsageError
from bench.options import DEFAULTS
from bench.progress import Silent
from bench.training import checkpoints
from bench.training.learner import Learner
from bench.training.patches import Patches
from bench.training.recipes import find_recipe
from bench.training.train import _build, _loader, _Rank, runtime_for
from bench.zoo import find
from bench.zoo.from_papers import ARCHITECTURES
from crops.normalisation import HALF, IMAGENET
from results.errors import RunError
from tests import forked_ranks
from tests.bench.training.conftest import draw_colours, train_here, training, words_of
from tests.conftest import TINY
from tests.helpers import cli
from tests.processes import Forks

pytestmark = pytest.mark.usefixtures("one_thread")


def log_of(out):
    return list(csv.DictReader((out / "log.csv").read_text().splitlines()))


def checkpoints_of(out):
    return {path.name: path.read_bytes() for path in out.glob("*.safetensors")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, one_thread):
    """(recipe, epochs) -> the checkpoints of that training of mini-v1, which nothing stopped."""
    folder = tmp_path_factory.mktemp("whole")
    colours = draw_colours(folder / "colours")

    @cache
    def train(recipe):
        train_here(colours, folder / recipe, 3, recipe)
        return checkpoints_of(folder / recipe)

    return lambda recipe, epochs: dict(sorted(train(recipe).items())[:epochs])


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    imports = "import bench.cli, bench.training.train, bench.zoo.from_papers, bench.zoo.from_timm"
    forks = Forks(tmp_path_factory.mktemp("printed"), imports, os.environ | {"OMP_NUM_THREADS": "1"})
    yield forks
    forks.close()


def test_network_learns_and_its_checkpoint_can_be_evaluated(trained, tmp_path):
    colours, out, printed = trained
    assert printed.strip() == str(out / "epoch-0006.safetensors")
    log = log_of(out)
    assert [int(row["epoch"]) for row in log] == [1, 2, 3, 4, 5, 6]
    assert {row["images"] for row in log} == {"48"}
    assert float(log[-1]["loss"]) < 0.5 * float(log[0]["loss"])
    last = out / "epoch-0006.safetensors"
    evaluate = ("eval", "--model", TINY, "--weights", last, "--data", colours)
    assert ": n = 48" in cli(*evaluate, "--out", tmp_path / "runs").stdout


def test_command_passes_on_every_option(tmp_path, monkeypatch):
    trainings = []
    monkeypatch.setattr("bench.training.train.train", lambda training, reporter: trainings.append(training))
    options = {
        "--model": "v3", "--data": "images", "--out": str(tmp_path), "--epochs": "7", "--batch": "9",
        "--workers": "3", "--device": "cuda:1", "--precision": "fp16", "--seed": "5",
        "--recipe": "googlenet", "--without": "distortion", "--rate": "0.5", "--sampling-seed": "6",
    }  # fmt: skip
    cli("train", *(word for option in options.items() for word in option))
    (training,) = trainings
    assert training.recipe == find_recipe("googlenet", "distortion", 0.5)
    assert (training.model, training.data, training.out) == ("v3", "images", tmp_path)
    assert (training.epochs, training.batch, training.workers, training.seed) == (7, 9, 3, 5)
    assert (training.device, training.precision) == ("cuda:1", "fp16")
    assert training.sampling == training.sampling_seed == 6


@pytest.mark.parametrize(
    ("recipe", "epochs"), [("googlenet", 250), ("bn", 150), ("rethinking", 100), ("inception-v4", 160)]
)
def test_epochs_are_the_recipes(tmp_path, monkeypatch, recipe, epochs):
    trainings = []
    monkeypatch.setattr("bench.training.train.train", lambda training, reporter: trainings.append(training))
    cli("train", "--data", "images", "--recipe", recipe)
    (training,) = trainings
    assert training.epochs == epochs
    assert training.out.as_posix() == f"trainings/mini-v3-{recipe}"
    assert training.sampling == training.seed == 0


def test_default_network_is_that_of_eval(tmp_path, monkeypatch):
    trainings = []
    monkeypatch.setattr("bench.training.train.train", lambda training, reporter: trainings.append(training))
    cli("train", "--data", "images", "--out", tmp_path)
    assert trainings[0].model == DEFAULTS.model


KILL_BEFORE_THE_STATE_OF_EPOCH_2 = """
import os, signal
from bench.training import checkpoints

usual = checkpoints.write

def write(path, data):
    if path.name == "state.pt" and path.with_name("epoch-0002.safetensors").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    usual(path, data)

checkpoints.write = write
"""


def test_killed_and_resumed_training_has_the_same_bytes(colours, tmp_path, processes, whole):
    """Killed at the worst moment: after the checkpoint of an epoch is written, and before its state is."""
    out = tmp_path / "killed"
    app = f"bench.cli.app({words_of(colours, out, 2, '--model', 'mini-v1', '--recipe', 'rethinking')})"
    assert processes.run(KILL_BEFORE_THE_STATE_OF_EPOCH_2 + app).returncode == -9
    assert sorted(checkpoints_of(out)) == ["epoch-0001.safetensors", "epoch-0002.safetensors"]
    done = processes.run(app)
    assert done.returncode == 0, done.stderr
    assert checkpoints_of(out) == whole("rethinking", 2)


@pytest.mark.parametrize("recipe", ["rethinking", "googlenet"])
def test_training_that_stops_after_each_epoch_has_the_same_bytes(colours, tmp_path, whole, recipe):
    for epochs in (1, 2, 3):
        train_here(colours, tmp_path / "parts", epochs, recipe)
    assert checkpoints_of(tmp_path / "parts") == whole(recipe, 3)


@pytest.mark.parametrize("name", ["epoch-0002.safetensors", "log.csv", "state.pt"])
def test_training_that_stops_before_a_write_has_the_same_bytes(colours, tmp_path, monkeypatch, whole, name):
    train_here(colours, tmp_path / "parts", 1)

    def write(path, data):
        if path.name == name and path.with_name("state.pt").exists():
            raise InterruptedError
        usual(path, data)

    usual = checkpoints.write
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "write", write)
        with pytest.raises(InterruptedError):
            train_here(colours, tmp_path / "parts", 2)
    train_here(colours, tmp_path / "parts", 2)
    assert checkpoints_of(tmp_path / "parts") == whole("rethinking", 2)


def test_description_in_the_state_stays_as_it_is(colours, tmp_path):
    """A training that was begun by an earlier version has to be recognised."""
    train_here(colours, tmp_path / "out")
    state = torch.load(tmp_path / "out" / "state.pt", weights_only=True)
    assert state["training"].rpartition(" ")[0] == (
        "mini-v1, {'optimizer': 'rmsprop', 'rate': 0.045, 'decay': 0.94, 'decay_epochs': 2, "
        "'clip': 2.0, 'smoothing': 0.1, 'auxiliary': 0.0, 'distort': True, 'average': 0.9999, "
        "'weight_decay': 4e-05}, batch 1 x 8, fp32, seed 0, 48 images"
    )


def test_sampling_seed_changes_the_order_and_the_patches_and_not_the_first_weights(
    colours, tmp_path, monkeypatch
):
    seen = []
    usual = Learner.epoch

    def epoch(learner, batches, first_step):
        listed = list(batches)
        weights = learner.module.state_dict()["classifier.weight"].clone()
        labels = [labels.tolist() for _, labels in listed]
        seen.append((weights, labels, sum(inputs.sum().item() for inputs, _ in listed)))
        return usual(learner, listed, first_step)

    monkeypatch.setattr(Learner, "epoch", epoch)
    for number, seeds in enumerate([(0, None), (0, 0), (0, 1), (1, None)]):
        options = {"seed": seeds[0], "sampling_seed": seeds[1]}
        train_here(colours, tmp_path / f"{number}", **options)
    base, same, sampled, other = seen
    assert torch.equal(base[0], same[0])
    assert base[1:] == same[1:]
    assert torch.equal(base[0], sampled[0])
    assert base[1] != sampled[1]
    assert base[2] != sampled[2]
    assert not torch.equal(base[0], other[0])
    assert sampled[1:] == other[1:]


def test_another_sampling_seed_is_another_training(colours, tmp_path):
    train_here(colours, tmp_path / "out", seed=3)
    train_here(colours, tmp_path / "out", seed=3, sampling_seed=3)
    with pytest.raises(UsageError, match="has a training with the default, not with sampling seed 4"):
        train_here(colours, tmp_path / "out", seed=3, sampling_seed=4)


def test_another_seed_or_other_images_are_another_training(colours, tmp_path):
    train_here(colours, tmp_path / "out")
    with pytest.raises(UsageError) as caught:
        train_here(colours, tmp_path / "out", 2, without="auxiliary,clipping", seed=1)
    assert str(caught.value) == (
        f"{tmp_path}/out has a training with clip 2.0, seed 0, not with clip 0.0, seed 1: "
        "choose another --out"
    )
    picture = next(colours.glob("*/0.png"))
    picture.write_bytes(picture.with_name("1.png").read_bytes())
    with pytest.raises(UsageError, match=r"with 48 images \w{12}, not with 48 images \w{12}"):
        train_here(colours, tmp_path / "out", 2)


def test_unreadable_image_ends_the_training(colours, tmp_path):
    (colours / "n01443537" / "5.png").write_text("x")
    with pytest.raises(
        UnreadableImage, match=r"^n01443537/5\.png in .*: this is not an image of a known format"
    ):
        train_here(colours, tmp_path / "out")


def test_unreadable_image_in_another_process_is_one_line_that_names_it(colours, tmp_path, processes):
    (colours / "n01443537" / "5.png").write_text("x")
    done = processes.run(f"bench.cli.app({words_of(colours, tmp_path / 'out', 1, '--workers', 1)})")
    lines = [line for line in done.stderr.splitlines() if line.startswith("inception-bench:")]
    assert done.returncode == 1
    assert lines == [
        f"inception-bench: n01443537/5.png in {colours}: this is not an image of a known format; "
        "repair or remove it"
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 64}, "48 images, fewer than 1 x 64: pass a smaller --batch"),
        ({"batch": 1}, "--batch 1: write a number from 2"),
        ({"workers": -1}, "--workers -1: write a number from 0 to 256"),
        ({"epochs": 0}, "--epochs 0: write a number from 1 to 9999"),
        ({"seed": 2**64}, "--seed 18446744073709551616: write a number from 0 to 4294967295"),
        ({"sampling_seed": -1}, "--sampling-seed -1: write a number from 0 to 4294967295"),
        ({"precision": "fp8"}, "no precision 'fp8': try fp32, fp16"),
        ({"device": "cuda:99"}, "device 'cuda:99' cannot be used here"),
        ({"model": "v99"}, "no network 'v99'"),
        ({"model": "torchvision/googlenett"}, "no network 'torchvision/googlenett'"),
        ({"model": "torchvision/googlenet.V7"}, "no weights of torchvision/googlenet 'V7'"),
    ],
)
def test_training_that_cannot_be_is_refused(colours, tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        train_here(colours, tmp_path / "out", **options)


@pytest.mark.parametrize("model", ["mini-v1", "mini-v3", "mini-v4", TINY])
def test_network_without_an_auxiliary_head_trains_with_a_note(colours, tmp_path, monkeypatch, model):
    notes = []
    monkeypatch.setattr(Silent, "note", lambda silent, text: notes.append(text))
    last = train_here(colours, tmp_path / "out", model=model, without="")
    (note,) = (note for note in notes if "auxiliary" in note)
    assert note == f"{model} has no auxiliary head: the recipe's auxiliary loss is left out"
    assert last.name == "epoch-0001.safetensors"


def test_training_is_the_same_where_the_user_leaves_the_auxiliary_loss_out(colours, tmp_path, whole):
    train_here(colours, tmp_path / "out", 1, without="")
    train_here(colours, tmp_path / "out", 2, without="auxiliary")
    assert checkpoints_of(tmp_path / "out") == whole("rethinking", 2)


def test_loss_is_that_of_the_network_and_0_3_of_each_heads(colours, tmp_path, monkeypatch, narrow):
    """GoogLeNet, section 5. Without dropout a second pass of the same batch has the same outputs."""
    usual = Learner.step

    def step(learner, inputs, labels):
        with torch.no_grad():
            main, (first, second) = learner.module(inputs)
        losses = [torch.nn.functional.cross_entropy(each, labels).item() for each in (main, first, second)]
        assert usual(learner, inputs, labels).item() == pytest.approx(losses[0] + 0.3 * sum(losses[1:]))
        raise InterruptedError

    monkeypatch.setattr(Learner, "step", step)
    with pytest.raises(InterruptedError):
        train_here(colours, tmp_path / "out", 1, "googlenet", "dropout", model=narrow)


def test_auxiliary_heads_learn(colours, tmp_path, narrow):
    torch.manual_seed(0)
    first = ARCHITECTURES[narrow].build(1000).state_dict()
    train_here(colours, tmp_path / "out", 1, "googlenet", "", model=narrow)
    trained = torch.load(tmp_path / "out" / "state.pt", weights_only=True)["module"]
    heads = [name for name in trained if name.startswith("auxiliary.")]
    assert {name.split(".")[1] for name in heads} == {"4a", "4d"}
    assert all(not torch.equal(first[name], trained[name]) for name in heads)


def test_checkpoint_of_a_network_with_heads_can_be_evaluated(colours, tmp_path, narrow):
    (colours / "classes.txt").write_text("n01440764\nn01443537\nn01484850\n")
    last = train_here(colours, tmp_path / "out", 1, "googlenet", "", model=narrow)
    evaluate = ("eval", "--model", narrow, "--weights", last, "--data", colours, "--allow-implausible")
    assert ": n = 48" in cli(*evaluate, "--out", tmp_path / "runs").stdout


def test_training_with_heads_that_stops_has_the_same_bytes(colours, tmp_path, narrow):
    train_here(colours, tmp_path / "whole", 2, "googlenet", "", model=narrow)
    for epochs in (1, 2):
        train_here(colours, tmp_path / "parts", epochs, "googlenet", "", model=narrow)
    assert checkpoints_of(tmp_path / "whole") == checkpoints_of(tmp_path / "parts")


@pytest.mark.parametrize(
    ("recipe", "without", "share"),
    [
        ("googlenet", "auxiliary", 0.4),
        ("googlenet", "auxiliary,dropout", 0.0),
        ("rethinking", "auxiliary", 0.4),
        ("bn", "", 0.0),
    ],
)
def test_dropout_is_that_of_the_network_unless_the_recipe_has_none(
    colours, tmp_path, monkeypatch, recipe, without, share
):
    """BN-Inception, section 4.2.1, removes it. GoogLeNet's is 40 %, in its mini version, too."""

    def stop(learner, batches, first_step):
        assert learner.module.dropout.p == share
        raise InterruptedError

    monkeypatch.setattr(Learner, "epoch", stop)
    with pytest.raises(InterruptedError):
        train_here(colours, tmp_path / "out", 1, recipe, without)


def test_training_without_patches_is_on_whole_images(colours, tmp_path, monkeypatch):
    resized = [
        to_tensor(resize(Image.open(path), [64, 64])) * 2 - 1 for path in sorted(colours.glob("*/*.png"))
    ]
    whole = torch.stack([*resized, *(picture.flip(-1) for picture in resized)])

    def stop(learner, batches, first_step):
        inputs, _ = next(iter(batches))
        differences = (inputs[:, None] - whole).abs().amax(dim=(2, 3, 4))
        assert differences.min(dim=1).values.max() < 1e-5
        raise InterruptedError

    monkeypatch.setattr(Learner, "epoch", stop)
    with pytest.raises(InterruptedError):
        train_here(colours, tmp_path / "out", 1, "googlenet", "auxiliary,distortion,patches")


@pytest.mark.parametrize("recipe", ["inception-v4", "rethinking"])
@pytest.mark.parametrize("model", ["v4", "v2-all"])
def test_every_recipe_trains_with_the_dropout_of_the_networks_paper(tmp_path, model, recipe):
    """20 %. Only a recipe with an auxiliary loss trains the heads, where there are any."""
    with torch.device("meta"):
        module = _build(training(tmp_path, tmp_path, recipe=recipe, without=""), find(model), 10)
    assert [part.p for part in module.modules() if isinstance(part, nn.Dropout) and part.p] == [0.2]
    has_heads = bool(getattr(module, "auxiliary", None))
    assert has_heads == (model == "v2-all" and recipe == "rethinking")


def test_rate_that_is_too_large_ends_the_training(colours, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "tests.bench.training.conftest.find_recipe", lambda name, without: find_recipe(name, without, 10_000)
    )
    with pytest.raises(BenchError, match=r"epoch 1 ended with .*: pass a smaller --rate and another --out"):
        train_here(colours, tmp_path / "out", recipe="googlenet")


def test_googlenet_is_not_trained_with_the_levels_of_caffes_weights(colours, tmp_path, monkeypatch):
    def stop(images, size, normalisation, **options):
        raise BenchError(f"levels {normalisation}")

    monkeypatch.setattr("bench.training.train.Patches", stop)
    with pytest.raises(BenchError, match=re.escape(f"levels {HALF}")):
        train_here(colours, tmp_path / "out", recipe="googlenet", model="v1-paper")


def test_folder_that_cannot_be_written_shows_before_the_first_epoch(colours, tmp_path, monkeypatch):
    monkeypatch.delattr(Learner, "epoch")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write"):
        train_here(colours, tmp_path / "file" / "out")


def test_two_processes_with_auxiliary_heads_are_one_with_twice_the_batch(colours, tmp_path, narrow):
    """Without dropout, which each process has for itself."""
    for picture in colours.glob("*/?.png"):
        picture.unlink()
    options = ("--model", narrow, "--device", "cpu", "--recipe", "googlenet", "--without", "dropout")
    words = words_of(colours, tmp_path / "both", 2, *options, "--batch", 3, "--workers", 0)
    script = "import bench.cli; from tests.bench.training import narrow; narrow.register(); bench.cli.app()"
    both = forked_ranks.run(2, script, *words)
    assert both.returncode == 0, both.stderr
    assert both.stdout == f"{tmp_path / 'both' / 'epoch-0002.safetensors'}\n"  # once, not by each process
    train_here(colours, tmp_path / "one", 2, "googlenet", "dropout", model=narrow, batch=6)
    ours, theirs = (
        torch.load(tmp_path / name / "state.pt", weights_only=True)["module"] for name in ("both", "one")
    )
    assert any(name.startswith("auxiliary.4d.") for name in ours)
    assert all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in theirs)
    logs = [log_of(tmp_path / name) for name in ("both", "one")]
    assert [[row["images"] for row in log] for log in logs] == [["18", "18"], ["18", "18"]]
    losses = [[float(row["loss"]) for row in log] for log in logs]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize(
    ("without", "evaluated"), [("auxiliary", "average"), ("auxiliary,averaging", "module")]
)
def test_checkpoint_has_the_average_of_the_parameters_where_there_is_one(
    colours, tmp_path, without, evaluated
):
    train_here(colours, tmp_path / "out", without=without)
    checkpoint = load_file(tmp_path / "out" / "epoch-0001.safetensors")
    state = torch.load(tmp_path / "out" / "state.pt", weights_only=True)
    assert all(torch.equal(value, state[evaluated][name]) for name, value in checkpoint.items())
    differs = any(not torch.equal(value, state["module"][name]) for name, value in checkpoint.items())
    assert differs == (evaluated == "average")


def test_every_epoch_has_its_own_order_and_patches(colours, tmp_path, monkeypatch):
    batches = []
    usual = Learner.step

    def step(learner, inputs, labels):
        batches.append((labels.tolist(), inputs.sum().item()))
        return usual(learner, inputs, labels)

    monkeypatch.setattr(Learner, "step", step)
    train_here(colours, tmp_path / "out", 2, "googlenet", batch=48)
    (first_labels, first_sum), (second_labels, second_sum) = batches
    assert sorted(first_labels) == sorted(second_labels) == [0] * 16 + [1] * 16 + [2] * 16
    assert first_labels != second_labels
    assert first_sum != second_sum


@pytest.fixture
def without_tf32():
    """TensorFloat-32 is off, during the test and after it."""
    parts = torch.backends.cuda.matmul, torch.backends.cudnn
    for part in parts:
        part.allow_tf32 = False
    yield parts
    for part in parts:
        part.allow_tf32 = False


@pytest.mark.parametrize(
    ("precision", "has_bf16", "expected"),
    [("auto", True, "bf16"), ("auto", False, "fp32"), ("fp32", True, "fp32"), ("fp16", True, "fp16")],
)
def test_gpu_trains_in_bfloat16_and_with_tensor_float_32(
    tmp_path, monkeypatch, without_tf32, precision, has_bf16, expected
):
    runtime = Runtime(torch.device("cuda"), precision.replace("auto", "fp32"), 0, 1, 1, compile=False)
    monkeypatch.setattr("bench.training.train.resolve", lambda options: runtime)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: has_bf16)
    assert runtime_for(training(tmp_path, tmp_path, precision=precision)).precision == expected
    assert all(part.allow_tf32 for part in without_tf32)


def test_cpu_trains_in_fp32(tmp_path, without_tf32):
    assert runtime_for(training(tmp_path, tmp_path)).precision == "fp32"
    assert not any(part.allow_tf32 for part in without_tf32)


def test_batches_for_a_gpu_are_in_pinned_memory(colours):
    patches = Patches(open_images(str(colours)), 32, IMAGENET, distort=False, seed=0)
    for pin in (False, True):
        assert _loader(patches, training(colours, colours), _Rank(0, 1), pin=pin).pin_memory is pin
