"""What users meet before the first row: one line that says what to do."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.scripts.batches.conftest import Batch
from tests.support import fake_lambda


def fails(batch: Batch, *options: str) -> str:
    """Return the only line that a run prints to stderr; it has exit code 2 or 1, and writes no row."""
    done = batch.run(batch.manifest(20), "--out", "r.jsonl", *options)
    assert done.returncode in (1, 2)
    (line,) = done.stderr.splitlines()
    out = batch.folder / "r.jsonl"
    assert not out.exists() or not out.read_bytes()
    return line


def test_no_credentials(batch: Batch) -> None:
    del batch.environment["AWS_ACCESS_KEY_ID"], batch.environment["AWS_SECRET_ACCESS_KEY"]
    assert "`aws sso login` set them" in fails(batch)


def test_no_region(batch: Batch) -> None:
    del batch.environment["AWS_REGION"]
    assert "set --region" in fails(batch)


def test_profile_that_does_not_exist(batch: Batch) -> None:
    assert "aws configure list-profiles" in fails(batch, "--profile", "nobody")


def test_session_of_single_sign_on_has_expired(batch: Batch) -> None:
    del batch.environment["AWS_ACCESS_KEY_ID"], batch.environment["AWS_SECRET_ACCESS_KEY"]
    (batch.folder / "config").write_text(
        "[profile work]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = dev\n"
        "[sso-session s]\nsso_start_url = https://example.com/start\nsso_region = us-east-1\n"
    )
    assert "run `aws sso login`" in fails(batch, "--profile", "work")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ((404, "ResourceNotFoundException", "Function not found: arn:aws:lambda:...:function:yolo:live"), "deploy.sh"),
        (
            (404, "ResourceNotFoundException", "Cannot find alias arn: arn:aws:lambda:...:yolo:live"),
            "Cannot find alias",
        ),
        ((403, "AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized"), "lambda:InvokeFunction"),
        ((403, "ExpiredTokenException", "The security token included in the request is expired"), "aws sso login"),
        ((403, "UnrecognizedClientException", "The security token is invalid."), "aws configure"),
    ],
)
def test_lambda_refuses_the_call(batch: Batch, status: tuple[int, str, str], words: str) -> None:
    batch.api.status = status
    batch.api.has_configuration = False
    assert words in fails(batch)


@pytest.mark.parametrize(
    ("reason", "action"),
    [
        ("AccessDenied: not authorized to perform s3:GetObject", "s3:GetObject"),
        ("KMS.DisabledException", "kms:Decrypt"),
    ],
)
def test_role_without_permission_to_read(batch: Batch, reason: str, action: str) -> None:
    batch.api.handler = lambda event: fake_lambda.respond(
        event, lambda name: fake_lambda.error("Forbidden", f"{name}: S3 responded with 403 {reason}")
    )
    line = fails(batch)
    assert f"must have {action}" in line
    assert "ALLOWED_BUCKETS" in line
    assert "photos" in line
    assert len(batch.api.events) == 1


def test_option_that_the_function_refuses(batch: Batch) -> None:
    batch.api.handler = lambda event: fake_lambda.respond(
        event, lambda _: fake_lambda.error("InvalidOption", "conf must be between 0 and 1, got 2")
    )
    assert "conf must be between 0 and 1, got 2" in fails(batch, "--conf", "2")


def test_generic_model(batch: Batch) -> None:
    body = '{"error":"inputs must be set","type":"BadRequest","request_id":"1"}'
    batch.api.handler = lambda _: {"statusCode": 400, "body": body}
    assert "BadRequest: inputs must be set" in fails(batch)


def test_no_images(batch: Batch) -> None:
    batch.manifest(0)
    done = batch.run("images.txt", "--out", "r.jsonl")
    assert (done.returncode, done.stderr) == (2, "batch: images.txt must have images, got none\n")


def test_coco_of_a_classify_model_is_refused_after_the_first_call(batch: Batch) -> None:
    def result(name: str) -> dict[str, Any]:
        top = [{"class": "gauge", "class_id": 0, "confidence": 0.9}]
        body = {**fake_lambda.detections(name), **top[0], "top": top, "model": {"task": "classify"}}
        del body["detections"], body["detection_count"]
        return body

    batch.api.handler = lambda event: fake_lambda.respond(event, result)
    done = batch.run(batch.manifest(20), "--out", "r.json", "--format", "coco")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "--format csv" in done.stderr
    assert len(batch.api.events) == 2
    assert batch.run(batch.manifest(20), "--out", "r.csv").returncode == 0
    first = "s3://photos/in/000000.jpg,640,480,0,gauge,0.9,,,,,"
    assert (batch.folder / "r.csv").read_text().splitlines()[1] == first


@pytest.mark.slow
def test_function_that_always_fails_ends_the_run(batch: Batch) -> None:
    batch.api.status = (502, "ENILimitReachedException", "a message of Lambda")
    assert "ENILimitReachedException: a message of Lambda" in fails(batch)


@pytest.mark.parametrize("out", ["/dev/full", "/dev/stdout", "a-pipe", "a-folder"])
@pytest.mark.parametrize("format_", ["jsonl", "coco"])
def test_out_is_a_file(batch: Batch, out: str, format_: str) -> None:
    os.mkfifo(batch.folder / "a-pipe")
    (batch.folder / "a-folder").mkdir()
    before = sorted(batch.folder.iterdir())
    done = batch.run(batch.manifest(1), "--out", out, "--format", format_)
    assert done.returncode == 2
    assert "--out must be a file, got " in done.stderr
    assert sorted(batch.folder.iterdir()) == sorted([*before, batch.folder / "images.txt"])
    assert not Path(f"{out}.run.json").exists()


def test_link_to_the_file_stays(batch: Batch) -> None:
    link, target = batch.folder / "r.csv", batch.folder / "elsewhere" / "r.csv"
    target.parent.mkdir()
    link.symlink_to(target)
    for _ in range(2):
        assert batch.run(batch.manifest(3), "--out", link).returncode == 0
    assert link.is_symlink()
    assert len(target.read_text().splitlines()) > 3
