"""A function in FakeAws that deploy.sh updates: the response to each call, and the calls."""

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from scripts.aws import deploy
from tests.scripts.aws.conftest import FakeAws
from tests.scripts.aws.test_deploy_errors import CONFIGURATION


class Function:
    """A function with three versions whose alias points to version 1; a deployment publishes version 2."""

    def __init__(self, aws: FakeAws, dist: Path) -> None:
        self.aws, self.dist = aws, dist
        aws.responses |= {
            "GetFunction": {"Configuration": CONFIGURATION},
            "PublishLayerVersion": {"LayerVersionArn": "arn:layer:1"},
            "UpdateFunctionCode": {},
            "UpdateFunctionConfiguration": {},
            "GetFunctionConfiguration": {"State": "Active"},
            "ListVersionsByFunction": {"Versions": [{"Version": name} for name in ("$LATEST", "1", "2", "3")]},
            "DescribeLogGroups": {"logGroups": [{"logGroupName": "/aws/lambda/yolo"}]},
            "UpdateAlias": {},
            "CreateAlias": {},
        }
        self.publishes("2")
        self.points_to("1")

    def publishes(self, version: str) -> None:
        self.aws.responses["PublishVersion"] = {"Version": version}

    def points_to(self, main: str, **weights: float) -> None:
        routing = {"AdditionalVersionWeights": {name[1:]: weight for name, weight in weights.items()}}
        self.aws.responses["GetAlias"] = {"FunctionVersion": main, "RoutingConfig": routing}

    def run(self, *arguments: str) -> list[str]:
        """Deploy, and return the lines of the output without the account, the layer, the code and the settings."""
        output = io.StringIO()
        with redirect_stdout(output):
            assert deploy.main(["--dist", str(self.dist), *arguments]) == 0
        lines = output.getvalue().splitlines()
        return [line for line in lines if line and not line.startswith(("account", "layer", "code", "settings"))]

    def call(self, *operations: str) -> dict[str, Any] | None:
        """Return the parameters of the last call of these operations, without the names; None: there was none."""
        calls = [parameters for operation, parameters in self.aws.calls if operation in operations]
        return (
            {name: value for name, value in calls[-1].items() if name not in ("FunctionName", "Name")}
            if calls
            else None
        )
