"""checkov on the deployed stack of every combination of parameters that matters.

A finding that is intended is skipped in template.yaml, with a reason, at its resource.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts import environments
from tests.support import template_stack
from tests.template.test_template import COMBINATIONS

pytestmark = pytest.mark.slow


def report(folder: Path) -> dict[str, Any]:
    """Return what checkov finds in the templates of a folder, without the network."""
    program = environments.ensure("checkov").with_name("checkov")
    options = ["--framework", "cloudformation", "--skip-download", "--compact", "--output", "json"]
    finished = subprocess.run(
        [program, "--directory", folder, *options], capture_output=True, text=True, check=False, timeout=600
    )
    document: dict[str, Any] = json.loads(finished.stdout)
    assert document["summary"]["parsing_errors"] == 0, finished.stderr
    return document


def write(folder: Path, name: str, stack: dict[str, Any]) -> None:
    (folder / f"{name.replace(' ', '-')}.json").write_text(json.dumps(stack))


def findings(document: dict[str, Any]) -> list[str]:
    return [f"{row['file_path']} {row['check_id']} {row['resource']}" for row in document["results"]["failed_checks"]]


def test_deployed_stack_has_no_findings_for_any_combination(tmp_path: Path) -> None:
    for name, parameters in COMBINATIONS.items():
        write(tmp_path, name, template_stack.stack(**parameters))
    document = report(tmp_path)
    assert findings(document) == []
    checked = {row["file_path"] for row in document["results"]["passed_checks"]}
    assert len(checked) == len(COMBINATIONS)


def test_every_skipped_check_would_fail_and_has_a_reason(tmp_path: Path) -> None:
    skipped = set()
    for name, parameters in COMBINATIONS.items():
        stack = template_stack.stack(**parameters)
        for resource_id, resource in stack["Resources"].items():
            for row in resource.pop("Metadata", {}).get("checkov", {}).get("skip", []):
                skipped.add((row["id"], resource_id))
                assert len(row["comment"]) > 10, row
        write(tmp_path, name, stack)
    failed = {
        (row["check_id"], row["resource"].rpartition(".")[2]) for row in report(tmp_path)["results"]["failed_checks"]
    }
    assert skipped
    assert failed == skipped


def test_checkov_reports_an_action_with_a_wildcard(tmp_path: Path) -> None:
    stack = template_stack.stack()
    [statement] = stack["Resources"]["LogAccess"]["Properties"]["PolicyDocument"]["Statement"]
    statement |= {"Action": "*", "Resource": "*"}
    write(tmp_path, "broken", stack)
    assert any("LogAccess" in finding for finding in findings(report(tmp_path)))
