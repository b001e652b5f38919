"""The papers' networks, table by table."""
