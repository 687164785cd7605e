"""template.yaml as CloudFormation gets it: translated by SAM, and worked out for given parameters.

Knows the intrinsic functions that the template uses and no others; what only a deployed resource can say
(`Fn::GetAtt`, `Ref` of a resource) stays as it is.
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
    """SAM asks IAM for its managed policies; the template names none."""

    def load(self) -> dict[str, str]:
        return {}


def source() -> dict[str, Any]:
    """The file, with its short forms (`!Ref`) written out."""
    return copy.deepcopy(_parsed())


@functools.cache
def _parsed() -> dict[str, Any]:
    read: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    return read


def translated(function_zip: str = "function.zip", layer_zip: str = "layer.zip", **given: str) -> dict[str, Any]:
    """What SAM makes of the template once `sam package` has put the zips into a bucket."""
    template = source()
    template["Resources"]["Function"]["Properties"]["CodeUri"] = {"Bucket": "zips", "Key": function_zip}
    template["Resources"]["Packages"]["Properties"]["ContentUri"] = {"Bucket": "zips", "Key": layer_zip}
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": PSEUDO["AWS::Region"]}):
        made: dict[str, Any] = transform(template, PSEUDO | given, NoPolicies())
    return made


@functools.cache
def _defaults() -> dict[str, str]:
    return {name: str(one["Default"]) for name, one in source()["Parameters"].items()}


def stack(**given: str) -> dict[str, Any]:
    """The translated template for given parameters, without conditions and parameters: what would be deployed."""
    template = translated(**given)
    resolver = _Resolver(template, _defaults() | given | PSEUDO)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": resolver.kept(template["Resources"]),
        "Outputs": resolver.kept(template["Outputs"]),
    }


def resources(kind: str, **given: str) -> dict[str, dict[str, Any]]:
    """Properties of a kind of resource, by logical id."""
    found = stack(**given)["Resources"].items()
    return {name: one["Properties"] for name, one in found if one["Type"] == kind}


def broken_rules(**given: str) -> set[str]:
    """The rules of the template that refuse given parameters."""
    template = source()
    resolver = _Resolver(template, _defaults() | given | PSEUDO)
    return {
        name
        for name, rule in template["Rules"].items()
        if resolver.holds(rule["RuleCondition"])
        and not all(resolver.holds(one["Assert"]) for one in rule["Assertions"])
    }


class _Resolver:
    """Conditions and intrinsic functions of one template with one set of parameters."""

    def __init__(self, template: dict[str, Any], values: dict[str, str]) -> None:
        self.conditions = template["Conditions"]
        self.mappings = template["Mappings"]
        self.values = values

    def kept(self, section: dict[str, Any]) -> dict[str, Any]:
        """Resources or outputs whose condition holds, worked out."""
        return {
            name: self.worked_out({key: value for key, value in one.items() if key != "Condition"})
            for name, one in section.items()
            if "Condition" not in one or self.holds(self.conditions[one["Condition"]])
        }

    def holds(self, condition: dict[str, Any]) -> bool:
        [(function, argument)] = condition.items()
        if function == "Condition":
            return self.holds(self.conditions[argument])
        if function == "Fn::Equals":
            left, right = (str(self.worked_out(one)) for one in argument)
            return left == right
        parts = [self.holds(one) for one in argument]
        return {"Fn::Not": not parts[0], "Fn::And": all(parts), "Fn::Or": any(parts)}[function]

    def worked_out(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.worked_out(one) for one in value if not self._is_none(one)]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name in FUNCTIONS:
                return FUNCTIONS[name](self, argument)
        return {key: self.worked_out(one) for key, one in value.items() if not self._is_none(one)}

    def _is_none(self, value: Any) -> bool:
        return isinstance(value, dict) and (
            value == NO_VALUE or ("Fn::If" in value and self._is_none(self._branch(value["Fn::If"])))
        )

    def _branch(self, argument: list[Any]) -> Any:
        return argument[1] if self.holds(self.conditions[argument[0]]) else argument[2]

    def _if(self, argument: list[Any]) -> Any:
        return self.worked_out(self._branch(argument))

    def _ref(self, name: str) -> Any:
        return self.values.get(name, {"Ref": name})

    def _map(self, argument: list[Any]) -> Any:
        table, row, column = (self.worked_out(one) for one in argument)
        return self.mappings[table][row][column]

    def _split(self, argument: list[Any]) -> Any:
        separator, text = argument
        return self.worked_out(text).split(separator)

    def _sub(self, argument: Any) -> Any:
        text, more = argument if isinstance(argument, list) else (argument, {})
        more = {name: self.worked_out(value) for name, value in more.items()}
        left = {name: value for name, value in more.items() if not isinstance(value, str)}
        known = self.values | {name: value for name, value in more.items() if isinstance(value, str)}
        text = re.sub(r"\$\{([\w:]+)\}", lambda found: known.get(found[1], found[0]), text)
        inner = {name: value for name, value in left.items() if set(value) == {"Fn::Sub"}}
        for name, value in inner.items():
            text = text.replace(f"${{{name}}}", value["Fn::Sub"])
        return {"Fn::Sub": text} if re.search(r"\$\{", text) else text


FUNCTIONS = {
    "Fn::If": _Resolver._if,
    "Fn::FindInMap": _Resolver._map,
    "Fn::Split": _Resolver._split,
    "Fn::Sub": _Resolver._sub,
    "Ref": _Resolver._ref,
}
