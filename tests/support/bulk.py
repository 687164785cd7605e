"""The state machine of template.yaml with the handler of the function behind its alias."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tests.conftest import Context
from tests.support.state_language import StateFailed
from tests.support.state_machine import StateMachine
from tests.support.template_stack import resources

ALIAS = "arn:aws:lambda:us-east-1:123456789012:function:yolo:live"
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:yolo-bulk"
ON = {"Bulk": "on", "PicturesBucket": "photos"}


def definition(**parameters: str) -> dict[str, Any]:
    """Return the definition that would be deployed."""
    machine = resources("AWS::StepFunctions::StateMachine", **ON, **parameters)["BulkMachine"]
    text = json.dumps(machine["Definition"]).replace('{"Ref": "FunctionAliaslive"}', json.dumps(ALIAS))
    evaluated: dict[str, Any] = json.loads(text)
    return evaluated


def statements(role: str, **parameters: str) -> list[dict[str, Any]]:
    """Return the permissions of a role that would be deployed."""
    policies = resources("AWS::IAM::Role", **ON, **parameters)[role]["Policies"]
    text = json.dumps([part for policy in policies for part in policy["PolicyDocument"]["Statement"]])
    granted: list[dict[str, Any]] = json.loads(text.replace('{"Ref": "FunctionAliaslive"}', json.dumps(ALIAS)))
    return granted


class Function:
    """The alias, as Step Functions calls it.

    Attributes:
        payloads: of all calls.
        before: called with the payload of each call; may raise an error of the function, or StateFailed.
    """

    def __init__(self, handler: ModuleType, before: Callable[[Any], None] = lambda _: None) -> None:
        self._handler, self.before = handler, before
        self.payloads: list[Any] = []

    def __call__(self, arn: str, payload: Any) -> Any:
        assert arn == ALIAS
        self.payloads.append(payload)
        try:
            self.before(payload)
            return json.loads(json.dumps(self._handler.lambda_handler(payload, Context())))
        except StateFailed:
            raise
        except Exception as error:  # Lambda reports every exception by the name of its class
            raise StateFailed(type(error).__name__, str(error)) from error


def machine(s3: Any, function: Function, **parameters: str) -> StateMachine:
    """Return the state machine that would be deployed."""
    return StateMachine(definition(**parameters), ARN, s3, function)
