"""An evaluation: one network on one data set under one plan, with all that decides its figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from bench.data import Images
from bench.data.devkit import Blacklist
from bench.device import PRECISIONS, Runtime
from bench.evaluation.classify import Scorer
from bench.evaluation.engine import Pipeline, shard_size
from bench.evaluation.label_check import GivenOrder
from bench.evaluation.records import data_record, model_record, plan_record, runtime_record
from bench.evaluation.render import Renderer
from bench.options import Options
from bench.zoo.loading import LoadedNetwork
from crops import Plan
from results.manifest import decisive, identity_of


@dataclass(frozen=True)
class Evaluation:
    """One network on one data set under one plan: all that decides the figures, and what they are
    computed with.
    """

    options: Options
    images: Images
    blacklist: Blacklist | None
    """None where it is not known which images are on it."""
    network: LoadedNetwork
    plan: Plan
    renderer: str
    """One of `RENDERERS`."""
    runtime: Runtime

    @property
    def sees(self) -> Renderer:
        """What makes the crops. Networks for which it is equal share decoded images and rendered crops."""
        return Renderer(self.plan, self.renderer, self.runtime.device)

    @property
    def given_order(self) -> GivenOrder | None:
        """The order of the network's outputs, where it was given."""
        if self.options.label_order == "auto":
            return None
        return GivenOrder(self.network.order, self.network.outputs)

    def scorer(self, note: Callable[[str], None] = lambda text: None) -> Scorer:
        """The network on its device; `note` is called where a batch has to be halved."""
        normalisation = self.plan.normalisation or self.network.preprocessing.normalisation
        logits = self.plan.pool == "logits"
        return Scorer(self.network, self.runtime, normalisation, logits=logits, note=note)

    @cached_property
    def shard_images(self) -> int:
        """Images in a shard."""
        return shard_size(self.plan)

    @cached_property
    def records(self) -> dict[str, Any]:
        """The parts of the manifest that describe this evaluation, by the manifest's names."""
        return {
            "model": model_record(self.network),
            "data": data_record(self.images, self.options),
            "plan": plan_record(self.plan, self.renderer),
            "runtime": runtime_record(self.runtime),
            "shard_images": self.shard_images,
        }

    @cached_property
    def decisive(self) -> dict[str, str]:
        """A hash of each thing that decides the figures, by its name."""
        return decisive(**self.records)

    @property
    def identity(self) -> str:
        """The identity of its run."""
        return identity_of(self.decisive)


def build_pipeline(
    evaluations: Sequence[Evaluation],
    scorers: Sequence[Scorer],
    note: Callable[[str], None] = lambda text: None,
) -> Pipeline:
    """The pipeline of evaluations that see the same crops of the same images, with the scorer of each;
    `note` is called where the batch has to be halved.
    """
    first = evaluations[0]
    types = {PRECISIONS[evaluation.runtime.precision] for evaluation in evaluations}
    levels = types.pop() if len(types) == 1 else torch.uint8
    return Pipeline(first.images, first.sees, scorers, first.runtime, note, levels)
