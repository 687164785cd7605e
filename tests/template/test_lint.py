"""cfn-lint on template.yaml and on its translation by SAM, including informational findings.

No finding of template.yaml is ignored. Of the evaluated stacks, I3042 is ignored: it reports literal partitions.

cfn-lint runs in its own process, so that the warnings of its imports are not part of this test run.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import template_stack
from tests.template.test_template import COMBINATIONS

PROGRAM = "from cfnlint.runner import main; main()"
REGIONS = ["us-east-1", "eu-central-1"]


def findings(*paths: Path, options: tuple[str, ...] = ()) -> str:
    """Return the output of cfn-lint, which is empty without findings."""
    command = [sys.executable, "-c", PROGRAM, *options, "--include-checks", "I", "--regions", *REGIONS, "--"]
    finished = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=False, timeout=300)
    assert finished.returncode in (0, 2, 4, 6, 8, 10, 12, 14), finished.stderr
    return finished.stdout + finished.stderr


def test_template_has_no_findings() -> None:
    assert findings(template_stack.TEMPLATE) == ""


def test_deployed_stack_has_no_findings_for_any_combination(tmp_path: Path) -> None:
    paths = []
    for name, parameters in COMBINATIONS.items():
        paths.append(tmp_path / f"{name.replace(' ', '-')}.json")
        paths[-1].write_text(json.dumps(template_stack.stack(**parameters)))
    assert len(paths) >= 12
    assert findings(*paths, options=("--ignore-checks", "I3042")) == ""


def test_linter_reports_an_unknown_runtime(tmp_path: Path) -> None:
    broken = template_stack.stack()
    broken["Resources"]["Function"]["Properties"]["Runtime"] = "python3.1"
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    assert "python3.1" in findings(path)


@pytest.mark.parametrize(
    ("kind", "changed"), [("AWS::Lambda::Version", "Description"), ("AWS::IAM::ManagedPolicy", "Description")]
)
def test_cloudformation_replaces_a_resource_whose_description_changes(kind: str, changed: str) -> None:
    program = (
        "import sys; from cfnlint.schema import PROVIDER_SCHEMA_MANAGER as manager; "
        "print(manager.get_resource_schema('us-east-1', sys.argv[1]).schema['createOnlyProperties'])"
    )
    finished = subprocess.run([sys.executable, "-c", program, kind], capture_output=True, text=True, check=True)
    assert f"/properties/{changed}" in finished.stdout
