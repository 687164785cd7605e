"""Weights of the YOLOv12 authors' fork of Ultralytics: its attention, converted to that of Ultralytics.

The fork (github.com/sunsmarterjie/yolov12) computes query and key in one convolution, `qk`, and the value in another,
`v`. Ultralytics has one convolution, `qkv`, with its rows in the order of the heads. The results are the same but for
rounding; `convert` compares them.
"""

from typing import Any

from export.errors import VerificationError

MAX_DIFFERENCE = 1e-5  # relative to the largest output, in double precision; measured: 1e-15


def convert(net: Any) -> None:
    """Convert each attention of the fork in place; other networks stay as they are.

    Raises:
        VerificationError: a converted attention computes something else.
    """
    from ultralytics.nn.modules.block import AAttn

    for name, module in net.named_modules():
        if type(module) is AAttn and hasattr(module, "qk") and not hasattr(module, "qkv"):
            _convert(name, module)


def _convert(name: str, attention: Any) -> None:
    import torch

    qk, value = attention.qk, attention.v
    attention.all_head_dim = attention.head_dim * attention.num_heads
    random = torch.Generator().manual_seed(0)
    side = 4 * attention.area
    image = torch.rand((1, qk.conv.in_channels, side, side), generator=random, dtype=torch.float64)
    dtype = qk.conv.weight.dtype
    with torch.inference_mode(False), torch.no_grad():
        is_training = attention.training
        attention.double().eval()
        expected = _forward_of_the_fork(attention, image)
        attention.qkv = _joined(qk, value, attention.num_heads, attention.head_dim)
        del attention.qk, attention.v
        difference = float((attention(image) - expected).abs().max() / expected.abs().max().clamp(min=1e-9))
        attention.to(dtype).train(is_training)
    if not difference <= MAX_DIFFERENCE:  # also if it is NaN
        raise VerificationError(f"the attention {name} cannot be converted: its output differs by {difference:.1g}")


def _joined(qk: Any, value: Any, heads: int, head_dim: int) -> Any:
    """Return the convolution whose rows are query, key and value of the first head, then of the second, and so on."""
    import copy

    import torch

    rows = torch.arange(heads * head_dim).view(heads, head_dim)
    order = torch.cat((rows, rows + heads * head_dim, rows + 2 * heads * head_dim), dim=1).flatten()
    joined = copy.deepcopy(qk)
    joined.conv.out_channels = len(order)
    for part, others in ((joined.conv, (qk.conv, value.conv)), (getattr(joined, "bn", None), _norms(qk, value))):
        for field in ("weight", "bias", "running_mean", "running_var"):
            tensors = [getattr(other, field, None) for other in others]
            if tensors and all(tensor is not None for tensor in tensors):
                merged = torch.cat(tensors)[order]
                setattr(part, field, torch.nn.Parameter(merged) if field in ("weight", "bias") else merged)
    if _norms(qk, value):
        joined.bn.num_features = len(order)
    return joined


def _norms(qk: Any, value: Any) -> tuple[Any, ...]:
    """Return the normalizations of both convolutions; none in a network that is fused."""
    return (qk.bn, value.bn) if hasattr(qk, "bn") and hasattr(value, "bn") else ()


def _forward_of_the_fork(attention: Any, image: Any) -> Any:
    """Return the output of the attention by its definition: softmax of query and key in each area, times the value."""
    batch, _, height, width = image.shape
    areas, heads, head_dim = attention.area, attention.num_heads, attention.head_dim
    query_key, value = attention.qk(image), attention.v(image)
    inner = heads * head_dim

    def split(tensor: Any) -> Any:
        """Return (B * areas, heads, N, head_dim): the pixels of an area are consecutive."""
        pixels = tensor.flatten(2).transpose(1, 2).reshape(batch * areas, height * width // areas, inner)
        return pixels.view(batch * areas, -1, heads, head_dim).transpose(1, 2)

    query, key, content = split(query_key[:, :inner]), split(query_key[:, inner:]), split(value)
    weights = (query @ key.transpose(-2, -1) * head_dim**-0.5).softmax(dim=-1)
    mixed = (weights @ content).transpose(1, 2).reshape(batch, height * width, inner)
    return attention.proj(mixed.transpose(1, 2).reshape(batch, inner, height, width) + attention.pe(value))
