"""What there is: the networks and the protocols, as tables or JSON. Without torch."""

import json
from typing import Any

from bench.errors import UsageError
from bench.zoo import NETWORKS, Network
from bench.zoo.networks import unknown
from crops import DIALECTS, Plan, Protocol, parse
from results import published


def models(as_json: bool) -> None:
    """Print the table of networks."""
    rows = [_model(network) for network in NETWORKS.values()]
    if as_json:
        print(
            json.dumps(
                [
                    {
                        key: row[key]
                        for key in ("name", "parameters", "multiply_adds", "input_size", "weights")
                    }
                    for row in rows
                ]
            )
        )
        return
    _print(
        ("name", "network", "parameters", "multiply-adds", "paper says", "input", "weights", "top-1 / top-5 error of the weights"),
        [
            (row["name"], row["title"], f"{row['parameters']:,}", _cost(row["multiply_adds"], 3),
             f"{row['paper']} G" if row["paper"] else "", str(row["input_size"]),
             "\n".join(row["weights"]) or "your own", "\n".join(row["published"]))
            for row in rows
        ],
    )  # fmt: skip
    print("Any other network: timm/NAME, torchvision/NAME or pytorchcv/NAME.")


def _model(network: Network) -> dict[str, Any]:
    figures = [
        published.of_weights(f"{network.provider}/{network.architecture}.{tag}", "1", "all")
        for tag in network.tags
    ]
    return {
        "name": network.name,
        "title": network.title,
        "parameters": network.parameters,
        "multiply_adds": network.multiply_adds,
        "paper": published.multiply_adds(network.paper or network.name),
        "input_size": network.input_size,
        "weights": list(network.tags),
        "published": [
            f"{figure.top1_error} / {figure.top5_error} ({figure.source})" if figure else "-"
            for figure in figures
        ],
    }


def protocols(model: str, as_json: bool) -> None:
    """Print the protocols for the input size of a network of the table."""
    network = table_network(model)
    assert network.input_size
    assert network.multiply_adds
    found = parse("144,dense", network.input_size)
    rows = [_protocol(protocol, network.input_size, network.multiply_adds) for protocol in found]
    if as_json:
        print(json.dumps(rows))
        return
    print(f"for {network.name}, input {network.input_size} x {network.input_size}; an image of 500 x 375")
    _print(
        ("protocol", "views", "shorter sides", "multiply-adds an image"),
        [
            (
                row["name"],
                str(row["views"]),
                ", ".join(map(str, row["scales"])),
                _cost(row["multiply_adds"], 1),
            )
            for row in rows
        ],
    )
    print("A lattice of your own: scales x squares x positions x mirrors, such as 2x1x5x2.")
    print(f"Single-crop dialects, with --dialect: {', '.join(DIALECTS)}.")


def _cost(multiply_adds: int, decimals: int) -> str:
    """In billions; in millions where that would be next to nothing."""
    return (
        f"{multiply_adds / 1e9:,.{decimals}f} G" if multiply_adds >= 1e9 else f"{multiply_adds / 1e6:,.1f} M"
    )


def _protocol(protocol: Protocol, size: int, multiply_adds: int) -> dict[str, Any]:
    """A dense view costs what its area does, in crops; of a lattice each different crop counts once."""
    patches, _ = Plan((protocol,), size).patches(500, 375)
    area = sum(patch.output[0] * patch.output[1] for patch in patches) / size**2
    return {
        "name": protocol.name,
        "views": protocol.crops,
        "scales": sorted({view.scale for view in protocol.views}),
        "dense": protocol.dense,
        "multiply_adds": round(area * multiply_adds),
    }


def papers(table: str | None, as_json: bool) -> None:
    """Print the figures of a table or a paper; without one, which tables there are."""
    if table is None:
        listed = [
            {
                "table": name,
                "paper": published.PAPERS[name.partition("/")[0]],
                "rows": len(published.rows_of(name)),
            }
            for name in published.tables()
        ]
        if as_json:
            print(json.dumps(listed))
            return
        _print(
            ("table", "paper", "rows"),
            [(str(row["table"]), str(row["paper"]), str(row["rows"])) for row in listed],
        )
        print(
            "Its figures: inception-bench papers TABLE, such as inception-v4/table4, or PAPER; of the public weights: papers weights."
        )
        return
    if table == "weights":
        _weights(as_json)
        return
    rows = published.rows_of(table)
    if not rows:
        raise unknown("table", table, (*published.tables(), *published.PAPERS, "weights"))
    if as_json:
        print(json.dumps(rows))
        return
    for name in dict.fromkeys(f"{row['paper']}/{row['table']}" for row in rows):
        print(f"{name} - {published.PAPERS[name.partition('/')[0]]}; errors in percent")
        _print(
            ("network", "networks", "crops", "images", "top-1 error", "top-5 error", "multiply-adds", "note"),
            [
                (row["network"], row["networks"], row["crops"], row["image_set"], row["top1_error"], row["top5_error"],
                 f"{row['giga_multiply_adds']} G" if row["giga_multiply_adds"] else "", row["note"])
                for row in published.rows_of(name)
            ],
        )  # fmt: skip


def _weights(as_json: bool) -> None:
    """What others measured with the public weights."""
    rows = published.weights()
    if as_json:
        print(json.dumps(rows))
        return
    names = ("weights", "measured_by", "crops", "how", "image_set", "top1_error", "top5_error", "note")
    _print(
        ("weights", "measured by", "crops", "how", "images", "top-1 error", "top-5 error", "note"),
        [tuple(row[name] for name in names) for row in rows],
    )


def table_network(name: str) -> Network:
    """A network of the table, whose input size is known without torch. Raises `UsageError`."""
    if name not in NETWORKS:
        raise UsageError(f"{name} is not in the table of networks: write {', '.join(NETWORKS)}")
    return NETWORKS[name]


def _print(heading: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.table import Table

    from results.report.terminal import console

    table = Table(*heading)
    for row in rows:
        table.add_row(*row)
    console().print(table)
