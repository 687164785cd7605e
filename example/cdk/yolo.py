"""AWS CDK construct for the two zips, to copy into your own application.

    YoloFunction(self, "Gauges", dist=Path("dist"), memory_mb=1769)

Source: docs.aws.amazon.com/cdk/api/v2/python, aws_cdk.aws_lambda 2.275.
"""

import json
from pathlib import Path
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

HANDLER = "function.handler.lambda_handler"
ARCHITECTURES = {"x86_64": lambda_.Architecture.X86_64, "arm64": lambda_.Architecture.ARM_64}


class YoloFunction(Construct):
    """Layer, function, log and alias `live`, with the architecture and the Python version in `dist/build.json`.

    Versions of the function and the layer stay after an update, so that the alias can go back to them. The log is
    deleted with the stack.

    Attributes:
        function: Lambda function; grant it the permissions of its event sources, for example
            `bucket.grant_read(yolo.function)`.
        alias: alias for callers; it moves to a new version when a zip or a setting changes.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        dist: Path,
        memory_mb: int = 1769,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
        reserved_concurrency: int | None = None,
        **environment: str,
    ) -> None:
        """Declare the resources.

        Args:
            scope: stack of the construct.
            construct_id: name of the construct in the stack.
            dist: output folder of `scripts/build_zip.sh`.
            memory_mb: memory of the function; 1769 MB is one full vCPU.
            log_retention: after this time a line of the log is deleted.
            reserved_concurrency: maximum of parallel invocations, taken from the limit of the account; None: not
                reserved. Set it if an endpoint is public.
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
            removal_policy=RemovalPolicy.RETAIN,  # earlier versions of the function use it
        )
        log = logs.LogGroup(self, "Log", retention=log_retention, removal_policy=RemovalPolicy.DESTROY)
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
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            reserved_concurrent_executions=reserved_concurrency,
            current_version_options=lambda_.VersionOptions(removal_policy=RemovalPolicy.RETAIN),
            environment={"ORT_DISABLE_TELEMETRY": "1", **environment},
        )
        self.alias = lambda_.Alias(self, "Live", alias_name="live", version=self.function.current_version)
