"""Labelled images on disk, how they become inputs of a model, and which output each label stands for."""
