"""Open-vocabulary checkpoints (YOLO-World, YOLOE): check that their classes are set, and make them convertible."""

from pathlib import Path
from typing import Any

from export.errors import UsageError

UNIT_TOLERANCE = 0.05  # of the length of a text embedding: CLIP's are unit vectors, stored in float16 at the least
SET_CLASSES = {
    "YOLO-World": 'YOLOWorld("{name}"), model.set_classes(["person", "bus"]), model.save("classes.pt")',
    "YOLOE": 'YOLOE("{name}"), model.set_classes(["person", "bus"]), model.save("classes.pt")',
}


def prepare(path: Path, net: Any) -> None:
    """Check that the classes of an open-vocabulary model are set, and make it convertible; others stay as they are.

    `YOLOWorld.set_classes` stores the names as a list; they become a dict, as in other models.

    Raises:
        UsageError: they are not; the message says how to set them.
    """
    from ultralytics.nn.tasks import WorldModel, YOLOEModel

    if isinstance(net, WorldModel) and not _has_world_classes(net):
        raise _unset(path, "YOLO-World")
    if isinstance(net, YOLOEModel) and not _has_yoloe_classes(net):
        raise _unset(path, "YOLOE")
    if isinstance(net, WorldModel):
        net.names = dict(enumerate(net.names)) if isinstance(net.names, list) else net.names
        replace_adaptive_pools(net)


def _unset(path: Path, family: str) -> UsageError:
    commands = SET_CLASSES[family].format(name=path.name)
    return UsageError(f"{path} is a {family} whose classes are not set; set them first: model = {commands}")


def _has_world_classes(net: Any) -> bool:
    """Return whether the text embeddings belong to the names; a new model has random ones as a placeholder.

    Source: ultralytics 8.4.190 `WorldModel`, nn/tasks.py.
    """
    embeddings = net.txt_feats
    count = embeddings.shape[1]
    if count != len(net.names) or count != net.model[-1].nc:
        return False
    lengths = embeddings.float().norm(dim=-1)
    is_placeholder = count in (80, net.yaml.get("nc")) and bool(((lengths - 1).abs() > UNIT_TOLERANCE).any())
    return not is_placeholder


def _has_yoloe_classes(net: Any) -> bool:
    """Return whether prompts were set, or are part of the head (fused, or with a built-in vocabulary).

    Source: ultralytics 8.4.190 `YOLOEModel.set_classes`, `set_vocab`, nn/tasks.py.
    """
    head = net.model[-1]
    if head.is_fused or hasattr(head, "lrpc"):
        return True
    return hasattr(net, "pe") and net.pe.shape[1] == len(net.names) == head.nc


def replace_adaptive_pools(net: Any) -> None:
    """Replace each adaptive maximum of the first YOLO-World, in place, by slices with the same values.

    torch 2.13.0 converts `AdaptiveMaxPool2d` only where the sides are multiples of its output.
    """
    import torch
    from ultralytics.nn.modules.block import ImagePoolingAttn

    class Windows(torch.nn.Module):  # type: ignore[misc]  # here, because torch is imported only when it is needed
        def __init__(self, count: int) -> None:
            super().__init__()
            self.count = count

        def forward(self, maps: Any) -> Any:
            rows = [self._window(maps, 2, index) for index in range(self.count)]
            return torch.cat([self._window(row, 3, index) for row in rows for index in range(self.count)], dim=2)

        def _window(self, maps: Any, axis: int, index: int) -> Any:
            side = maps.shape[axis]
            start, end = index * side // self.count, ((index + 1) * side + self.count - 1) // self.count
            part = maps[:, :, start:end] if axis == 2 else maps[:, :, :, start:end]
            return part.amax(dim=axis, keepdim=True)

    for module in net.modules():
        if isinstance(module, ImagePoolingAttn):
            module.im_pools = torch.nn.ModuleList(Windows(module.k) for _ in module.im_pools)
