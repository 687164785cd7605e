"""cfn-lint on template.yaml and on what SAM makes of it, informational findings included.

Of template.yaml none is ignored; of what is worked out of it I3042 is: it dislikes a partition that is written out.

cfn-lint runs as a program of its own: what its imports warn of is not ours.
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
    """What cfn-lint says; nothing is a good sign."""
    command = [sys.executable, "-c", PROGRAM, *options, "--include-checks", "I", "--regions", *REGIONS, "--"]
    done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode in (0, 2, 4, 6, 8, 10, 12, 14), done.stderr
    return done.stdout + done.stderr


def test_the_template_has_no_findings() -> None:
    assert findings(template_stack.TEMPLATE) == ""


def test_what_is_deployed_has_no_findings_in_any_combination_that_matters(tmp_path: Path) -> None:
    paths = []
    for name, given in COMBINATIONS.items():
        paths.append(tmp_path / f"{name.replace(' ', '-')}.json")
        paths[-1].write_text(json.dumps(template_stack.stack(**given)))
    assert len(paths) >= 12
    assert findings(*paths, options=("--ignore-checks", "I3042")) == ""


def test_the_linter_would_find_something(tmp_path: Path) -> None:
    broken = template_stack.stack()
    broken["Resources"]["Function"]["Properties"]["Runtime"] = "python3.1"
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    assert "python3.1" in findings(path)


@pytest.mark.parametrize(
    ("kind", "changed"), [("AWS::Lambda::Version", "Description"), ("AWS::IAM::ManagedPolicy", "Description")]
)
def test_cloudformation_replaces_what_publishing_versions_relies_on(kind: str, changed: str) -> None:
    program = (
        "import sys; from cfnlint.schema import PROVIDER_SCHEMA_MANAGER as manager; "
        "print(manager.get_resource_schema('us-east-1', sys.argv[1]).schema['createOnlyProperties'])"
    )
    done = subprocess.run([sys.executable, "-c", program, kind], capture_output=True, text=True, check=True)
    assert f"/properties/{changed}" in done.stdout
