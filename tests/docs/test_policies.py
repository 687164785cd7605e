"""The policies for roles in the pages: those that template.yaml gives its role."""

import json
from typing import Any

import pytest

from tests.docs import pages
from tests.support.template_stack import resources

MODEL = "eu.amazon.nova-lite-v1:0"
REGION = ("eu-central-1", "us-east-1")  # of the page, and of the evaluated stack


def policy(page: str, word: str = "") -> dict[str, Any]:
    """Return the only policy of a page that has a word."""
    blocks = [block for block in pages.code_blocks(pages.DOCS / page) if block[0].language == "json"]
    texts = ["\n".join(line.text for line in block) for block in blocks]
    (found,) = (text for text in texts if '"Statement"' in text and word in text)
    parsed: dict[str, Any] = json.loads(found.replace(*REGION))
    return parsed


def test_policy_for_bedrock_is_that_of_the_template() -> None:
    granted = resources("AWS::IAM::ManagedPolicy", ReadModelId=MODEL)["ReadAccess"]["PolicyDocument"]
    assert policy("readings.md") == granted


def test_policy_for_uploads_is_that_of_the_template() -> None:
    [role] = resources("AWS::IAM::Role", Uploads="on").values()
    (granted,) = (one["PolicyDocument"] for one in role["Policies"] if one["PolicyName"] == "uploads")
    granted["Statement"][0]["Resource"] = granted["Statement"][0]["Resource"]["Fn::Sub"].replace(
        "${UploadBucket}", "BUCKET"
    )
    assert policy("deploy.md", "BUCKET/uploads/*") == granted


@pytest.mark.parametrize(("page", "file"), [("readings.md", "bedrock.json"), ("deploy.md", "uploads.json")])
def test_page_says_how_to_put_the_policy(page: str, file: str) -> None:
    text = (pages.DOCS / page).read_text("utf-8")
    assert f"`{file}`" in text
    assert (
        f"aws iam put-role-policy --role-name yolo-lambda --policy-name {file[:-5]} --policy-document file://{file}"
        in text
    )
