"""Suites: networks x data sets x protocols from one file. The .toml files here are examples to run."""

from importlib import resources


def examples() -> tuple[str, ...]:
    """The names of the suites that come with the program."""
    return tuple(
        sorted(
            file.name.removesuffix(".toml")
            for file in resources.files("bench.suites").iterdir()
            if file.name.endswith(".toml")
        )
    )
