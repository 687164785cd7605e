"""template.yaml as CloudFormation gets it: translated by SAM, and evaluated for a set of parameters.

Only the intrinsic functions that the template uses are supported. Values that only a deployed resource has
(`Fn::GetAtt`, `Ref` of a resource) stay unchanged.
"""

import copy
import functools
import os
import re
from typing import Any
from unittest import mock

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from tests.conftest import ROOT

TEMPLATE = ROOT / "template.yaml"
PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "yolo",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = {"Ref": "AWS::NoValue"}


class NoPolicies:
    """Empty list of managed policies, which SAM would read from IAM; the template uses none."""

    def load(self) -> dict[str, str]:
        return {}


def source() -> dict[str, Any]:
    """Return the template, with its short forms (`!Ref`) expanded."""
    return copy.deepcopy(_parsed())


@functools.cache
def _parsed() -> dict[str, Any]:
    template: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    return template


def translated(function_zip: str = "function.zip", layer_zip: str = "layer.zip", **parameters: str) -> dict[str, Any]:
    """Return the template as SAM translates it after `sam package` has uploaded the zips."""
    return copy.deepcopy(_translated(function_zip, layer_zip, frozenset(parameters.items())))


@functools.cache
def _translated(function_zip: str, layer_zip: str, parameters: frozenset[tuple[str, str]]) -> dict[str, Any]:
    template = source()
    template["Resources"]["Function"]["Properties"]["CodeUri"] = {"Bucket": "zips", "Key": function_zip}
    template["Resources"]["Packages"]["Properties"]["ContentUri"] = {"Bucket": "zips", "Key": layer_zip}
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": PSEUDO["AWS::Region"]}):
        result: dict[str, Any] = transform(template, PSEUDO | dict(parameters), NoPolicies())
    return result


@functools.cache
def _defaults() -> dict[str, str]:
    return {name: str(parameter["Default"]) for name, parameter in source()["Parameters"].items()}


def stack(**parameters: str) -> dict[str, Any]:
    """Return the resources and outputs that would be deployed with these parameters."""
    template = translated(**parameters)
    resolver = _Resolver(template, _defaults() | parameters | PSEUDO)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": resolver.deployed(template["Resources"]),
        "Outputs": resolver.deployed(template["Outputs"]),
    }


def resources(kind: str, **parameters: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the resources of one type, by logical id."""
    deployed = stack(**parameters)["Resources"].items()
    return {name: resource["Properties"] for name, resource in deployed if resource["Type"] == kind}


def broken_rules(**parameters: str) -> set[str]:
    """Return the rules of the template that refuse these parameters."""
    template = source()
    resolver = _Resolver(template, _defaults() | parameters | PSEUDO)
    return {
        name
        for name, rule in template["Rules"].items()
        if resolver.holds(rule["RuleCondition"])
        and not all(resolver.holds(assertion["Assert"]) for assertion in rule["Assertions"])
    }


class _Resolver:
    """Evaluation of the conditions and intrinsic functions of a template with a set of parameters."""

    def __init__(self, template: dict[str, Any], values: dict[str, str]) -> None:
        self.conditions = template["Conditions"]
        self.mappings = template["Mappings"]
        self.values = values

    def deployed(self, section: dict[str, Any]) -> dict[str, Any]:
        """Return the evaluated resources or outputs whose condition is true."""
        return {
            name: self.evaluate({key: value for key, value in entry.items() if key != "Condition"})
            for name, entry in section.items()
            if "Condition" not in entry or self.holds(self.conditions[entry["Condition"]])
        }

    def holds(self, condition: dict[str, Any]) -> bool:
        [(function, argument)] = condition.items()
        if function == "Condition":
            return self.holds(self.conditions[argument])
        if function == "Fn::Equals":
            left, right = (str(self.evaluate(operand)) for operand in argument)
            return left == right
        operands = [self.holds(operand) for operand in argument]
        return {"Fn::Not": not operands[0], "Fn::And": all(operands), "Fn::Or": any(operands)}[function]

    def evaluate(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.evaluate(item) for item in value if not self._is_none(item)]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name in FUNCTIONS:
                return FUNCTIONS[name](self, argument)
        return {key: self.evaluate(item) for key, item in value.items() if not self._is_none(item)}

    def _is_none(self, value: Any) -> bool:
        return isinstance(value, dict) and (
            value == NO_VALUE or ("Fn::If" in value and self._is_none(self._branch(value["Fn::If"])))
        )

    def _branch(self, argument: list[Any]) -> Any:
        return argument[1] if self.holds(self.conditions[argument[0]]) else argument[2]

    def _if(self, argument: list[Any]) -> Any:
        return self.evaluate(self._branch(argument))

    def _ref(self, name: str) -> Any:
        return self.values.get(name, {"Ref": name})

    def _map(self, argument: list[Any]) -> Any:
        table, row, column = (self.evaluate(part) for part in argument)
        return self.mappings[table][row][column]

    def _split(self, argument: list[Any]) -> Any:
        separator, text = argument
        return self.evaluate(text).split(separator)

    def _select(self, argument: list[Any]) -> Any:
        index, values = argument
        return self.evaluate(values)[int(index)]

    def _sub(self, argument: Any) -> Any:
        text, variables = argument if isinstance(argument, list) else (argument, {})
        variables = {name: self.evaluate(value) for name, value in variables.items()}
        unresolved = {name: value for name, value in variables.items() if not isinstance(value, str)}
        known = self.values | {name: value for name, value in variables.items() if isinstance(value, str)}
        text = re.sub(r"\$\{([\w:]+)\}", lambda match: known.get(match[1], match[0]), text)
        inner = {name: value for name, value in unresolved.items() if set(value) == {"Fn::Sub"}}
        for name, value in inner.items():
            text = text.replace(f"${{{name}}}", value["Fn::Sub"])
        return {"Fn::Sub": text} if re.search(r"\$\{", text) else text


FUNCTIONS = {
    "Fn::If": _Resolver._if,
    "Fn::FindInMap": _Resolver._map,
    "Fn::Select": _Resolver._select,
    "Fn::Split": _Resolver._split,
    "Fn::Sub": _Resolver._sub,
    "Ref": _Resolver._ref,
}
