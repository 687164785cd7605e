"""YOLO-World and YOLOE weights, with and without classes.

`python -m tests.support.open_vocabulary_weights FOLDER`, in the export environment, writes them. Embeddings are random
unit vectors in place of those of a text encoder, which is not in the environment.
"""

import sys
from pathlib import Path
from typing import Any

from export import ultralytics_setup
from tests.support import export_weights

NAMES = ["gauge", "clock", "lamp"]
EMBEDDING = 512  # numbers of a text embedding
WORLD = {"world": "yolov8n-world.yaml", "world-v2": "yolov8n-worldv2.yaml"}
YOLOE = {"yoloe": "yoloe-v8n.yaml", "yoloe-segment": "yoloe-11n-seg.yaml", "yoloe-26": "yoloe-26n.yaml"}


def build(folder: Path) -> None:
    """Write every file: NAME.pt with classes, NAME-unset.pt without."""
    for name, architecture in (WORLD | YOLOE).items():
        export_weights.save(_network(architecture), folder / f"{name}-unset.pt")
        net = _network(architecture)
        if name in WORLD:
            _set_world_classes(net)
        else:
            net.eval()
            net.set_classes(NAMES, _embeddings())
        export_weights.save(net, folder / f"{name}.pt")
    placeholder = _network(WORLD["world-v2"], classes=len(NAMES))
    placeholder.names = dict(enumerate(NAMES))
    export_weights.save(placeholder, folder / "world-names-only.pt")
    fewer = _network(YOLOE["yoloe"])
    fewer.eval()
    fewer.set_classes(NAMES, _embeddings())
    fewer.names = dict(enumerate(NAMES[:2]))
    export_weights.save(fewer, folder / "yoloe-fewer-names.pt")


def _network(architecture: str, classes: int | None = None) -> Any:
    import torch
    from ultralytics.nn import tasks

    torch.manual_seed(0)
    if "world" in architecture:
        return tasks.WorldModel(architecture, nc=classes, verbose=False)
    family = tasks.YOLOESegModel if "-seg" in architecture else tasks.YOLOEModel
    return family(architecture, nc=classes, verbose=False)


def _set_world_classes(net: Any) -> None:
    """Set the fields that `YOLOWorld.set_classes` sets, and give the network statistics of real activations."""
    import torch

    net.txt_feats, net.model[-1].nc, net.names = _embeddings(), len(NAMES), list(NAMES)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        net.train()(export_weights.images())
    net.eval()


def _embeddings() -> Any:
    import torch

    return torch.nn.functional.normalize(torch.randn(1, len(NAMES), EMBEDDING), dim=-1)


if __name__ == "__main__":
    ultralytics_setup.prepare()
    build(Path(sys.argv[1]))
