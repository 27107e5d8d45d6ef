"""One thread, one seed, the same operators in the same order: a training that comes out again."""

from __future__ import annotations

import torch


def repeatable(seed: int) -> None:
    """Make what follows in this process deterministic."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # finds bugs of PyTorch, and takes a sixth of the time
