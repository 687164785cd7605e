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
CfnOutput(stack, "Url", value=url.url)
app.synth()
