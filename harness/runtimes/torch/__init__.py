"""PyTorch's deployment runtimes: TorchScript and ExecuTorch."""

from . import executorch, torchscript

PLUGINS = (*torchscript.PLUGINS, *executorch.PLUGINS)
