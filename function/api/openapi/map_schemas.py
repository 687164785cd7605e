"""OpenAPI: maps of a model for semantic segmentation or depth. Loaded only for such a model."""

from collections.abc import Mapping
from typing import Any

from function.api.openapi.endpoints import TEXT
from function.api.openapi.result_schemas import COUNT, FRACTION, MAX_ENUM, NUMBER, SIDE, objects
from function.metadata import ModelMetadata


def fields(metadata: ModelMetadata, names: Mapping[int, str]) -> dict[str, Any]:
    """Return the schema of the field `semantic` or `depth` of a result, by its name.

    Args:
        metadata: of the model.
        names: of the classes; empty: they are not listed.
    """
    if metadata.task == "depth":
        image_map = _map("PNG with 16 gray bits: distance = value * scale + offset", scale=NUMBER, offset=NUMBER)
        return {"depth": objects(min=NUMBER, max=NUMBER, map=image_map)}
    listed = {"enum": list(dict.fromkeys(names.values()))} if 0 < len(names) <= MAX_ENUM else TEXT
    identifier = COUNT | {"maximum": len(metadata.names) - 1}
    share = {**FRACTION, "description": "Of the pixels of the image"}
    row = objects(class_name=listed, class_id=identifier, share=share)
    classes = {"type": "array", "items": row, "description": "The classes in the image, the largest first"}
    image_map = _map("Indexed PNG: the value of a pixel is its class id, 255 for a class that is not requested")
    return {"semantic": objects(classes=classes, map=image_map)}


def _map(description: str, **scaling: Any) -> dict[str, Any]:
    png = {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png", "description": description}
    schema = objects(width=SIDE, height=SIDE, **scaling, png=png)
    description = "Size in relation to the image, if the response has no room for it"
    schema["properties"]["reduced"] = objects(scale=NUMBER) | {"description": description}
    return schema
