"""Tasks: what a model is to do with labelled samples, one file or package per task.

A module declares its tasks in `PLUGINS`; see `harness.core.task` for the class, docs/add-a-task.md for an example.
"""
