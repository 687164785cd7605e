"""AWS CDK construct for the two zips, to copy into your own application.

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
    """Layer, function and alias `live`, with the architecture and the Python version in `dist/build.json`.

    Attributes:
        function: Lambda function; grant it the permissions of its event sources, for example
            `bucket.grant_read(yolo.function)`.
        alias: alias for callers; it moves to a new version when a zip or a setting changes.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, dist: Path, memory_mb: int = 1769, **environment: str
    ) -> None:
        """Declare the resources.

        Args:
            scope: stack of the construct.
            construct_id: name of the construct in the stack.
            dist: output folder of `scripts/build_zip.sh`.
            memory_mb: memory of the function; 1769 MB is one full vCPU.
            environment: environment variables of the function, such as CONF_THRESHOLD="0.4".
        """
        super().__init__(scope, construct_id)
        manifest: dict[str, Any] = json.loads((dist / "build.json").read_text())
        runtime = lambda_.Runtime(f"python{manifest['python']}", lambda_.RuntimeFamily.PYTHON)
        architecture = ARCHITECTURES[manifest["arch"]]
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
