"""The two zips as a construct of the AWS CDK; copy it into your own stack.

    YoloFunction(self, "Gauges", dist=Path("dist"), memory_mb=1769)

Source: docs.aws.amazon.com/cdk/api/v2/python, aws_cdk.aws_lambda 2.275.
"""

import json
from pathlib import Path
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

HANDLER = "function.handler.lambda_handler"
ARCHITECTURES = {"x86_64": lambda_.Architecture.X86_64, "arm64": lambda_.Architecture.ARM_64}


class YoloFunction(Construct):
    """Layer, function and alias `live`, for the processor and the Python that `dist/build.json` names.

    Attributes:
        function: grant it what its sources need, such as `bucket.grant_read(yolo.function)`.
        alias: what callers call; it moves to a new version when a zip or a setting changes.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, dist: Path, memory_mb: int = 1769, **environment: str
    ) -> None:
        """Declare the resources.

        Args:
            scope: the stack.
            construct_id: its name there.
            dist: the folder that `scripts/build_zip.sh` filled.
            memory_mb: 1769 is one whole CPU.
            environment: the function's variables, such as CONF_THRESHOLD="0.4".
        """
        super().__init__(scope, construct_id)
        built: dict[str, Any] = json.loads((dist / "build.json").read_text())
        runtime = lambda_.Runtime(f"python{built['python']}", lambda_.RuntimeFamily.PYTHON)
        architecture = ARCHITECTURES[built["arch"]]
        layer = lambda_.LayerVersion(
            self,
            "Packages",
            code=lambda_.Code.from_asset(str(dist / "layer.zip")),
            compatible_runtimes=[runtime],
            compatible_architectures=[architecture],
        )
        self.function = lambda_.Function(
            self,
            "Function",
            code=lambda_.Code.from_asset(str(dist / "function.zip")),
            handler=HANDLER,
            runtime=runtime,
            architecture=architecture,
            layers=[layer],
            memory_size=memory_mb,
            timeout=Duration.seconds(30),
            logging_format=lambda_.LoggingFormat.JSON,
            environment={"ORT_DISABLE_TELEMETRY": "1", **environment},
        )
        self.alias = lambda_.Alias(self, "Live", alias_name="live", version=self.function.current_version)
