"""Experiments as tables for a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import RenderableType
from rich.text import Text

from bench.experiments.factorisation_cost import Cost
from bench.experiments.outcome import ALPHA, Effect, final_rows
from bench.experiments.run import Trained
from bench.experiments.table import Experiment
from bench.zoo.networks import NETWORKS
from results.report.cells import error_cell, has_top5
from results.terminal_table import Column, Noted, TerminalTable, reason


def outcome_tables(
    experiment: Experiment, trainings: Sequence[Trained], table: pd.DataFrame, effects: Sequence[Effect]
) -> list[RenderableType]:
    """The errors after the last epoch, the effects beside the paper's, and what the paper says.

    `table` is of `bench.experiments.outcome.epochs_table`.
    """
    return [
        _errors(experiment, trainings, table),
        _effects(effects, max(trained.seed for trained in trainings) + 1),
        *_findings(experiment),
        Text(
            f"Exact p: a paired test of the images, with one seed McNemar's; below {ALPHA} an effect is "
            "shown. It is about these trained networks: with more --seeds you see how training itself varies."
        ),
    ]


def _errors(experiment: Experiment, trainings: Sequence[Trained], table: pd.DataFrame) -> RenderableType:
    rows = final_rows(table)
    top5 = ["top-5 error"] if has_top5(rows) else []
    columns = [
        *(Column("variant", wraps=True), Column("network", spare=True)),
        *(Column("multiply-adds", right=True, spare=True), Column("seed", right=True)),
        Column("epochs", right=True),
        *(Column(heading, right=True, rest="intervals") for heading in ("top-1 error", *top5)),
        Column("paper's top-1 error", right=True),
    ]
    title = f"{experiment.name}: {rows['n'].iloc[0]:,} images, 95 % intervals"
    shown = TerminalTable(title, columns)
    found = {(row["variant"], row["seed"]): row for row in rows.to_dict("records")}
    for trained in trainings:
        variant = trained.variant
        row = found.get((variant.label, trained.seed))
        cost = NETWORKS[trained.setting.model].multiply_adds or 0
        errors = [_error(row, k) if row else "-" for k in (1, 5)]
        shown.add_row(
            variant.label,
            trained.setting.model,
            f"{cost / 1e6:.1f} M",
            str(trained.seed),
            f"{len(trained.runs)}, then diverged" if trained.diverged else str(len(trained.runs)),
            *errors[: 1 + len(top5)],
            f"{variant.top1_error:.1f}" if variant.top1_error else "-",
        )
    return shown


def _error(row: Mapping[Any, Any], k: int) -> Noted:
    error, low, high = (row[f"top{k}_{end}"] for end in ("error", "low", "high"))
    return Noted(error_cell(error, low, high), f"{error:.2f}")


def _effects(effects: Sequence[Effect], seeds: int) -> RenderableType:
    columns = (
        *(Column("variant", wraps=True), Column("against", wraps=True), Column("paper", wraps=True)),
        *(Column("here"), Column("points of top-1 error", rest="the points of each seed")),
        *(Column("exact p", right=True), Column("as good after", right=True)),
    )
    shown = TerminalTable("beside the paper", columns)
    for effect in effects:
        mean = f"{sum(effect.differences) / seeds:+.2f}" if effect.differences else "-"
        each = f" ({', '.join(f'{one:+.2f}' for one in effect.differences)})" if seeds > 1 else ""
        shown.add_row(
            effect.variant,
            effect.against,
            effect.paper or "-",
            reason(effect.finding),
            Noted(mean + each, mean) if effect.differences else "-",
            "-" if effect.p_value is None else f"{effect.p_value:.3g}",
            f"epoch {effect.as_good_after}" if effect.as_good_after else "never",
        )
    return shown


def _findings(experiment: Experiment) -> list[RenderableType]:
    """What the paper says, and what is different here."""
    lines = [f"{experiment.source}: {experiment.finding}"]
    if experiment.deviation:
        lines.append(f"Different here: {experiment.deviation}")
    return [Text(line) for line in lines]


def cost_tables(experiment: Experiment, costs: Sequence[Cost]) -> list[RenderableType]:
    """What factorised convolutions cost beside others."""
    columns = (
        *(Column("layers"), Column("multiply-adds", right=True), Column("against")),
        *(Column("its multiply-adds", right=True), Column("ratio", right=True)),
        *(Column("saved", right=True), Column("paper", wraps=True)),
    )
    shown = TerminalTable(f"{experiment.name}: for each position of the grid", columns)
    for cost in costs:
        shown.add_row(
            cost.layers,
            f"{cost.multiply_adds:,}",
            cost.against,
            f"{cost.against_multiply_adds:,}",
            f"{cost.ratio:.3f}",
            f"{100 * (1 - cost.ratio):.1f} %",
            cost.paper,
        )
    return [shown, *_findings(experiment)]
