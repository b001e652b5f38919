"""Suites: networks x data sets x protocols from one file. The .toml files here are examples to run."""
