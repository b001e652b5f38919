"""What to know before hours are spent: whether a run would be right, and how long it would take."""
