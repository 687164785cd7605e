"""The deployed function at several memory sizes: temporary versions, which are published, measured and deleted."""

from __future__ import annotations

import contextlib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.aws import layer
from scripts.aws.commands import HANDLER
from scripts.aws.errors import FAILED, DeployError, Refused
from scripts.aws.limits import DIRECT_LIMIT
from scripts.aws.session import Aws
from scripts.tuning import MARK, note, restoration
from scripts.tuning.note import Note
from scripts.tuning.zips import Zips, code_sha256

INVALID = {"InvalidParameterValueException", "ValidationException"}  # a memory size that the account may not use


class SizeRefused(Exception):
    """Lambda refused a memory size; the message is one line."""


class Deployed:
    """The function, which is changed; `restore` puts everything back.

    Attributes:
        architecture: of the function before any change.
        live_differs: what the alias `live` has that is not measured; "" if it has the same code.
    """

    def __init__(self, aws: Aws, function: str, folder: Path) -> None:
        """Read the function; nothing is changed.

        Args:
            aws: the session.
            function: its name.
            folder: of the note.

        Raises:
            DeployError: there is no such function, or it is not one of this project.
        """
        self._aws, self._function, self._folder = aws, function, folder
        found = aws.read("lambda", "get_function", FunctionName=function)
        if found is None:
            raise DeployError(f"function {function} does not exist in {aws.region}; scripts/deploy.sh creates it")
        self._before: dict[str, Any] = found["Configuration"]
        self._location = str(found.get("Code", {}).get("Location", ""))
        handler = self._before.get("Handler", "a container image")
        if handler != HANDLER:
            raise DeployError(
                f"handler of function {function} must be {HANDLER}, got {handler}; --function names another"
            )
        self.architecture = str(self._before.get("Architectures", ["x86_64"])[0])
        self.live_differs = self._difference_of_live()

    def prepare(self, memories: list[int], others: list[Zips]) -> None:
        """Write the note of what is changed.

        Args:
            memories: MB, all sizes that follow.
            others: zips of other architectures that follow.

        Raises:
            DeployError: the present code cannot be read, so it could not be put back.
        """
        before = self._before
        layers = [item["Arn"] for item in before.get("Layers") or []]
        noted = Note(
            before["MemorySize"], before.get("Description", ""), self.architecture, before["Runtime"], layers,
            before["CodeSha256"], memories,
            [code_sha256(zips.function) for zips in others],
        )  # fmt: skip
        note.write(self._folder, noted, self._present_code() if others else None)

    def replace_code(self, zips: Zips) -> None:
        """Give the function the code and the packages of another architecture.

        Raises:
            DeployError: AWS returned an error.
        """
        aws, function = self._aws, self._function
        arn = aws.change(
            "lambda", "publish_layer_version", "LayerVersionArn", LayerName=layer.name(function), Description=MARK,
            CompatibleRuntimes=[f"python{zips.python}"], CompatibleArchitectures=[zips.architecture],
            Content={"ZipFile": zips.layer}, shown={"Content": "(layer.zip)"},
        )  # fmt: skip
        aws.change(
            "lambda", "update_function_code", FunctionName=function, ZipFile=zips.function,
            Architectures=[zips.architecture], shown={"ZipFile": "(function.zip)"},
        )  # fmt: skip
        aws.wait("lambda", "function_updated_v2", FunctionName=function)
        layers = layer.with_layer([item["Arn"] for item in self._before.get("Layers") or []], function, arn)
        aws.change(
            "lambda", "update_function_configuration", FunctionName=function, Layers=layers,
            Runtime=f"python{zips.python}",
        )  # fmt: skip
        aws.wait("lambda", "function_updated_v2", FunctionName=function)

    @contextlib.contextmanager
    def version(self, memory: int) -> Iterator[str]:
        """Publish a version with a memory size, and delete it at the end of the context.

        Raises:
            SizeRefused: the account may not use this size.
            DeployError: AWS returned another error.
        """
        aws, function = self._aws, self._function
        try:
            aws.change(
                "lambda", "update_function_configuration", FunctionName=function, MemorySize=memory,
                Description=MARK,  # without a difference to the last version, Lambda publishes none
            )  # fmt: skip
        except Refused as error:
            if error.kind in INVALID and "memory" in str(error).lower():
                raise SizeRefused(f"refused: {error}") from error
            raise
        aws.wait("lambda", "function_updated_v2", FunctionName=function)
        version = str(aws.change("lambda", "publish_version", "Version", FunctionName=function, Description=MARK))
        if not restoration.is_temporary(aws, function, version):
            raise DeployError(
                f"Lambda published no new version of {function}, and version {version} is not temporary", FAILED
            )
        aws.wait("lambda", "published_version_active", FunctionName=function, Qualifier=version)
        yield version
        aws.change("lambda", "delete_function", FunctionName=function, Qualifier=version)

    def _difference_of_live(self) -> str:
        live = self._aws.read("lambda", "get_function_configuration", FunctionName=self._function, Qualifier="live")
        if live is None or live["CodeSha256"] == self._before["CodeSha256"]:
            return ""
        return f"{self._function}:live is version {live['Version']} with other code than $LATEST, which is measured"

    def _present_code(self) -> bytes:
        size = int(self._before["CodeSize"])
        if size > DIRECT_LIMIT:
            raise DeployError(
                f"the code of {self._function} must be at most {DIRECT_LIMIT:,} bytes to be put back after a second "
                f"architecture, got {size:,}; leave out --dist and --dist-arm64"
            )
        try:
            with urllib.request.urlopen(self._location, timeout=60) as response:  # noqa: S310  (of GetFunction)
                content: bytes = response.read()
        except OSError as error:
            raise DeployError(
                f"the code of {self._function} cannot be read, so it could not be put back: {error}"
            ) from error
        if code_sha256(content) != self._before["CodeSha256"]:
            raise DeployError(f"the code of {self._function} that was read is not that of GetFunction; try again")
        return content
