"""Are our nets those of others? The same weights in both, the same picture, the largest difference of the outputs.

    pip install 'edgebench[prepare]' && pip install --no-deps torchvision==0.28.0 timm==1.0.31 pytorchcv==0.0.74
    python tests/bench/reference_nets.py [NAME ...] [--write]

(Without `--no-deps` they replace torch for CPU by several gigabytes for CUDA.) Prints the table of docs/models.md, or
puts it there. The reference is drawn at random, its batch normalisation set from seeded pictures so that no output
vanishes; its tensors go into our net one after another, so that a net with other shapes cannot be filled. The
difference is relative to the largest output. The epsilon of batch normalisation, which references disagree on, is
set to ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from harness.core.plugins import load
from suites.artifacts.synthetic.check import images
from suites.models.base import ModelFamily, ModelVariant
from tests.batch_norm import calibrate_batch_norm

PAGE = Path(__file__).parents[2] / "docs" / "models.md"
START, END = "<!-- outputs: written by tests/bench/reference_nets.py -->", "<!-- end of outputs -->"
SMALL, SEVERAL = 64, 8
"""Edge in pixels of the pictures, and how many set batch normalisation: convolutions do not mind, and it is quick."""

_OPERATORS = None


def torchvision_model(name: str, **settings: Any) -> nn.Module:
    """A net of torchvision; its own operators, whose library does not fit torch for CPU, are declared first."""
    global _OPERATORS  # noqa: PLW0603 the declaration lives as long as the library object
    if _OPERATORS is None:
        _OPERATORS = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            _OPERATORS.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision import models

    made: nn.Module = getattr(models, name)(weights=None, **settings)
    return made


def timm_model(name: str, **settings: Any) -> nn.Module:
    """A net of timm, which imports torchvision."""
    torchvision_model("squeezenet1_1")
    import timm

    made: nn.Module = timm.create_model(name, **settings)
    return made


def timm_mobilenet_v1(width: float) -> nn.Module:
    """MobileNetV1 of a width that timm has under no name."""
    torchvision_model("squeezenet1_1")
    from timm.models.efficientnet import _gen_mobilenet_v1

    made: nn.Module = _gen_mobilenet_v1("mobilenetv1_100", width)
    return made


def pytorchcv_shufflenet(width: float) -> nn.Module:
    """ShuffleNetV1 with three groups."""
    from pytorchcv.models.shufflenet import get_shufflenet

    made: nn.Module = get_shufflenet(groups=3, width_scale=width)
    made.features.final_pool = nn.AdaptiveAvgPool2d(1)
    return made


REFERENCES: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    **{
        f"mobilenet_v1-{width}-224": ("timm mobilenetv1_100", partial(timm_mobilenet_v1, width))
        for width in (0.25, 0.5, 0.75, 1.0)
    },
    **{
        f"mobilenet_v2-{width}-224": (
            "torchvision mobilenet_v2",
            partial(torchvision_model, "mobilenet_v2", width_mult=width),
        )
        for width in (0.35, 0.5, 0.75, 1.0, 1.4)
    },
    **{
        f"mobilenet_v3_{size}-{width}-224": (name, partial(timm_model, name.split()[1]))
        for size in ("small", "large")
        for width, name in ((0.75, f"timm mobilenetv3_{size}_075"), (1.0, f"timm mobilenetv3_{size}_100"))
    },
    "mobilenet_v4_conv_small-0.5-224": (
        "timm mobilenetv4_conv_small_050",
        partial(timm_model, "mobilenetv4_conv_small_050"),
    ),
    "mobilenet_v4_conv_small-1.0-224": (
        "timm mobilenetv4_conv_small",
        partial(timm_model, "mobilenetv4_conv_small"),
    ),
    "mobilenet_v4_conv_medium-1.0-256": (
        "timm mobilenetv4_conv_medium",
        partial(timm_model, "mobilenetv4_conv_medium"),
    ),
    **{
        f"shufflenet_v1-{width}-224": ("pytorchcv get_shufflenet", partial(pytorchcv_shufflenet, width))
        for width in (0.25, 0.5, 0.75, 1.0, 2.0)
    },
    **{
        f"shufflenet_v2-{width}-224": (
            f"torchvision shufflenet_v2_x{name}",
            partial(torchvision_model, f"shufflenet_v2_x{name}"),
        )
        for width, name in ((0.5, "0_5"), (1.0, "1_0"), (1.5, "1_5"), (2.0, "2_0"))
    },
    **{
        f"efficientnet_b{n}-1.0-{edge}": (
            f"torchvision efficientnet_b{n}",
            partial(torchvision_model, f"efficientnet_b{n}"),
        )
        for n, edge in enumerate((224, 240, 260, 300, 380))
    },
    **{
        f"efficientnet_lite{n}-1.0-{edge}": (
            f"timm efficientnet_lite{n}",
            partial(timm_model, f"efficientnet_lite{n}"),
        )
        for n, edge in enumerate((224, 240, 260, 280, 300))
    },
    "efficientnet_v2_b0-1.0-224": (
        "timm tf_efficientnetv2_b0, symmetric padding",
        partial(timm_model, "tf_efficientnetv2_b0", pad_type=""),
    ),
    "efficientnet_v2_s-1.0-384": (
        "torchvision efficientnet_v2_s",
        partial(torchvision_model, "efficientnet_v2_s"),
    ),
    "resnet18-1.0-224": ("torchvision resnet18", partial(torchvision_model, "resnet18")),
    "squeezenet-1.0-224": ("torchvision squeezenet1_1", partial(torchvision_model, "squeezenet1_1")),
}
"""Who else has the net, by its name here."""


def difference(ours: nn.Module, reference: nn.Module) -> float:
    """Largest difference of the outputs for one picture, relative to the largest output; weights are the reference's.

    RuntimeError where the tensors of the two do not fit one another in order.
    """
    torch.manual_seed(0)
    for tensor in reference.parameters():
        if tensor.ndim == 4:
            nn.init.kaiming_normal_(tensor)
    calibrate_batch_norm(reference, torch.from_numpy(images(0, SEVERAL, SMALL)))
    fill(ours, reference)
    for theirs, own in zip(norms(reference), norms(ours), strict=True):
        theirs.eps = own.eps
    picture = torch.from_numpy(images(1, 2, SMALL))
    with torch.no_grad():
        expected, found = reference.eval()(picture), ours.eval()(picture)
    return float((found - expected).abs().max() / expected.abs().max())


def fill(ours: nn.Module, reference: nn.Module) -> None:
    """Copy tensor after tensor; a 1x1 convolution on pooled features may be a linear layer in the other."""
    own, theirs = list(ours.state_dict().items()), list(reference.state_dict().values())
    if [tensor.numel() for _, tensor in own] != [tensor.numel() for tensor in theirs]:
        raise RuntimeError("the tensors of the two nets have other sizes")
    pairs = zip(own, theirs, strict=True)
    ours.load_state_dict({name: tensor.reshape(like.shape) for (name, like), tensor in pairs})


def norms(net: nn.Module) -> list[nn.BatchNorm2d]:
    """All batch normalisation in order."""
    return [layer for layer in net.modules() if isinstance(layer, nn.BatchNorm2d)]


def rows(names: list[str]) -> Iterator[str]:
    """Lines of Markdown."""
    yield from ("| net | reference | parameters | largest difference |", "| --- | --- | ---: | ---: |")
    for name in names:
        source, make = REFERENCES[name]
        variant = ModelVariant.parse(name)
        family: ModelFamily = load("models", variant.family)
        net, reference = family.net(variant), make()
        count = sum(tensor.numel() for tensor in reference.parameters())
        apart = difference(net, reference)
        yield f"| `{name}` | {source} | {count:,} | {f'{apart:.0e}' if apart else 'none'} |"


def main() -> None:
    """Parse the command line, compare, print or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(REFERENCES), metavar="NAME")
    parser.add_argument("--write", action="store_true", help="into docs/models.md")
    arguments = parser.parse_args()
    lines = []
    for line in rows(arguments.names):
        lines.append(line)
        print(line, flush=True)
    if arguments.write:
        text = PAGE.read_text(encoding="utf-8")
        before, after = text.partition(START)[0], text.partition(END)[2]
        PAGE.write_text("\n".join([before + START, "", *lines, "", END + after]), encoding="utf-8")


if __name__ == "__main__":
    main()
