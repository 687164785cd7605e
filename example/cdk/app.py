"""Stack with the function and a Function URL for callers of the account: `cdk deploy --app "python app.py"`."""

import os
from pathlib import Path

from aws_cdk import App, CfnOutput, Stack
from aws_cdk import aws_lambda as lambda_
from yolo import YoloFunction

DIST = Path(os.environ.get("DIST", "dist"))

app = App()
stack = Stack(app, "Yolo")
yolo = YoloFunction(stack, "Yolo", dist=DIST)
url = yolo.alias.add_function_url(auth_type=lambda_.FunctionUrlAuthType.AWS_IAM)
CfnOutput(stack, "FunctionName", value=yolo.function.function_name, description="scripts/call.py --function NAME:live")
CfnOutput(stack, "Alias", value=yolo.alias.function_arn, description="ARN of the alias live, for callers")
CfnOutput(stack, "Url", value=url.url, description="Function URL; callers sign their requests")
app.synth()
