"""samconfig.toml: the settings with which `sam deploy` alone deploys the zips in `dist/`.

The SAM CLI reads the file in the folder of template.yaml. Users add parameters of their own to it, so in a file that
exists only the architecture and the runtime of the zips change, and every other setting and comment stays.

Source: aws-sam-cli 1.170.0, samcli/lib/config/samconfig.py and samcli/cli/types.py (`CfnParameterOverridesType`).
"""

import os
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

from layer.targets import Target

NAME = "samconfig.toml"
HEADER = "[default.deploy.parameters]"
OVERRIDES = "parameter_overrides"
INTRO = """\
# Settings with which `sam deploy` deploys template.yaml. scripts/build_zip.sh wrote this file. A later build changes
# only Architecture and PythonRuntime: other parameters of template.yaml may follow them, separated by spaces.
version = 0.1
"""
SETTINGS = """\
stack_name = "yolo"
resolve_s3 = true
capabilities = "CAPABILITY_IAM"
confirm_changeset = false
fail_on_empty_changeset = false
"""


class NotUpdatable(Exception):
    """The file cannot be changed without a risk for its other settings; the message is the reason."""


def write(folder: Path, target: Target) -> str:
    """Write samconfig.toml, or set the architecture and the runtime in the one that exists.

    Args:
        folder: has template.yaml.
        target: architecture and Python of the zips.

    Returns:
        A note for the user if the file has other values and could not be changed; "" otherwise.
    """
    path = folder / NAME
    parameters = {"Architecture": target.arch, "PythonRuntime": f"python{target.python}"}
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else INTRO
        changed = updated(text, parameters)
    except (UnicodeDecodeError, NotUpdatable) as error:
        return f"{path} is not changed: {error}. `sam deploy` needs {_joined(parameters)} in {OVERRIDES}."
    if changed != text:
        scratch = path.with_name(f".{NAME}-{os.getpid()}")
        scratch.write_text(changed, encoding="utf-8")
        scratch.replace(path)
    return ""


def updated(text: str, parameters: dict[str, str]) -> str:
    """Return the text of the file with these parameters, and nothing else changed.

    Raises:
        NotUpdatable: the text is not TOML, or has the parameters in a form that is not known.
    """
    before = _parsed(text)
    section, overrides = _pop_overrides(before)
    line = f'{OVERRIDES} = "{_joined(parameters)}"\n'
    if not section and overrides is None:
        return f"{text.rstrip()}\n\n{HEADER}\n{SETTINGS}{line}"
    if overrides is None and OVERRIDES in before["default"].get("global", {}).get("parameters", {}):
        raise NotUpdatable(f"[default.global.parameters] has {OVERRIDES}")
    head, header, rest = text.partition(HEADER)
    next_table = re.search(r"^\s*\[[\w.\"]+\]", rest, re.MULTILINE)
    end = next_table.start() if next_table else len(rest)
    body = f"\n{line.rstrip()}{rest[:end]}" if overrides is None else _with_values(rest[:end], parameters)
    changed = f"{head}{header}{body}{rest[end:]}"
    after = _parsed(changed)
    _, set_overrides = _pop_overrides(after)
    if after != before or _values(set_overrides) != _values(overrides) | parameters:
        raise NotUpdatable(f"the form of {OVERRIDES} in {HEADER} is not known")
    return changed


def _parsed(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NotUpdatable(f"it cannot be read as TOML ({error})") from error


def _pop_overrides(document: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Return the section of `sam deploy` without the parameters of the template, and these; None if it has none."""
    section: Any = document
    for name in HEADER.strip("[]").split("."):
        section = section.get(name, {}) if isinstance(section, dict) else {}
    if not isinstance(section, dict):
        raise NotUpdatable(f"{HEADER} is not a table")
    return section, section.pop(OVERRIDES, None)


def _with_values(body: str, parameters: dict[str, str]) -> str:
    """Return the lines of the section with these values, which are added if they are missing."""
    for name, value in parameters.items():
        stated = rf"(?<![\w#])({name}(?:\s*=\s*|,ParameterValue=)(?:\\?[\"'])?)[\w.]*"
        opened = rf"(?m)^(\s*{OVERRIDES}\s*=\s*)(\[|\"(?!\"\")|'(?!''))"
        if re.search(stated, body):
            body = re.sub(stated, rf"\g<1>{value}", body)
        else:
            added = {"[": f'"{name}={value}", '}
            body = re.sub(opened, lambda start: start[0] + added.get(start[2], f"{name}={value} "), body)  # noqa: B023
    return body


def _values(overrides: Any) -> dict[str, str]:
    """Return the parameters in one of the forms of the SAM CLI: a text, a list of texts, or a table."""
    if isinstance(overrides, dict):
        return {str(name): str(value) for name, value in overrides.items()}
    values = {}
    for words in [overrides] if isinstance(overrides, str) else overrides or []:
        try:
            pairs = shlex.split(str(words))
        except ValueError as error:
            raise NotUpdatable(f"{OVERRIDES} cannot be read ({error})") from error
        for pair in pairs:
            name, _, value = pair.removeprefix("ParameterKey=").replace(",ParameterValue=", "=", 1).partition("=")
            values[name] = value
    return values


def _joined(parameters: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in parameters.items())
