"""Everything back as it was: settings and code of the function; temporary versions and layers deleted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.aws import layer
from scripts.aws.errors import DeployError, Refused
from scripts.aws.session import Aws
from scripts.tuning import MARK, note
from scripts.tuning.note import Note


def restore(aws: Aws, function: str, folder: Path) -> bool:
    """Put everything back that a run changed, this one or one that was killed; return whether there was something.

    What somebody else has changed in the meantime stays.

    Args:
        aws: the session.
        function: its name.
        folder: of the note.

    Raises:
        DeployError: AWS returned an error; the note stays, and `scripts/tune.py --restore` tries again.
    """
    noted = note.read(folder)
    if noted is None:
        return False
    current = aws.read("lambda", "get_function_configuration", FunctionName=function)
    if current is not None:
        aws.wait("lambda", "function_updated_v2", FunctionName=function)  # of a change that was interrupted
        _restore_code(aws, function, folder, noted, current)
        _restore_settings(aws, function, noted)
        delete_versions(aws, function)
    delete_layers(aws, function)
    note.remove(folder)
    return True


def delete_versions(aws: Aws, function: str) -> None:
    """Delete the temporary versions of a function.

    Raises:
        DeployError: AWS returned an error; one that an alias points at is reported and stays.
    """
    for item in aws.pages("lambda", "list_versions_by_function", "Versions", FunctionName=function):
        if item.get("Description") == MARK and item["Version"].isdigit():
            try:
                aws.change("lambda", "delete_function", FunctionName=function, Qualifier=item["Version"])
            except Refused as error:
                if error.kind != "ResourceConflictException":
                    raise
                aws.report(f"version   {item['Version']} of {function} stays: {error}")


def delete_layers(aws: Aws, function: str) -> None:
    """Delete the temporary versions of the function's layer."""
    name = layer.name(function)
    for item in aws.pages("lambda", "list_layer_versions", "LayerVersions", LayerName=name):
        if item.get("Description") == MARK:
            aws.change("lambda", "delete_layer_version", LayerName=name, VersionNumber=item["Version"])


def is_temporary(aws: Aws, function: str, version: str) -> bool:
    """Return whether tune.py published a version, and not somebody else before it."""
    found = aws.read("lambda", "get_function_configuration", FunctionName=function, Qualifier=version)
    return bool(found) and found.get("Description") == MARK


def _restore_code(aws: Aws, function: str, folder: Path, noted: Note, current: dict[str, Any]) -> None:
    if current["CodeSha256"] == noted.code_sha256:
        return
    if current["CodeSha256"] not in noted.codes:
        aws.report(f"code      of {function} was changed by somebody else; it stays")
        return
    try:
        code = note.code(folder)
    except OSError as error:
        raise DeployError(f"the code of {function} cannot be put back ({error}); run scripts/deploy.sh") from error
    aws.change(
        "lambda", "update_function_code", FunctionName=function, ZipFile=code, Architectures=[noted.architecture],
        shown={"ZipFile": "(function.zip)"},
    )  # fmt: skip
    aws.wait("lambda", "function_updated_v2", FunctionName=function)


def _restore_settings(aws: Aws, function: str, noted: Note) -> None:
    current = aws.read("lambda", "get_function_configuration", FunctionName=function)
    changes: dict[str, Any] = {}
    if current["MemorySize"] != noted.memory:
        if current["MemorySize"] in noted.memories:
            changes["MemorySize"] = noted.memory
        else:
            aws.report(f"memory    of {function} was changed by somebody else to {current['MemorySize']} MB; it stays")
    if current.get("Description", "") == MARK:
        changes["Description"] = noted.description
    layers = [item["Arn"] for item in current.get("Layers") or []]
    if layers != noted.layers and set(layers) & _temporary_layers(aws, function):
        changes |= {"Layers": noted.layers, "Runtime": noted.runtime}
    if changes:
        aws.change("lambda", "update_function_configuration", FunctionName=function, **changes)
        aws.wait("lambda", "function_updated_v2", FunctionName=function)


def _temporary_layers(aws: Aws, function: str) -> set[str]:
    items = aws.pages("lambda", "list_layer_versions", "LayerVersions", LayerName=layer.name(function))
    return {item["LayerVersionArn"] for item in items if item.get("Description") == MARK}
