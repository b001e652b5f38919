"""Detections: boxes with a class and a score, and how they are scored against annotated objects."""
