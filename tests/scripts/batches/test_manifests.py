import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from scripts.aws.session import Aws
from scripts.batches import sources
from scripts.batches.errors import BatchError
from scripts.batches.manifests import URI_COLUMNS

A, B, C = "s3://photos/in/a.jpg", "s3://photos/in/b c.jpg", "s3://other/d+e.png"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="photos")
        yield Aws("us-east-1")


def found(source: str, aws: Aws) -> list[str]:
    return [item.source for item in sources.open_source(source, aws).items()]


FORMS = {
    "header.csv": f"size,key,bucket\n1,in/a.jpg,photos\n2,in/b c.jpg,photos\n3,{C[11:]},other\n",
    "inventory.csv": '"photos","in/a.jpg","","9"\n"photos","in/b+c.jpg","","9"\n"other","d%2Be.png","","9"\n',
    "pairs.csv": "photos,in/a.jpg\nphotos,in/b%20c.jpg\nother,d%2Be.png\n",
    "uris.csv": f"{A}\n{B}\n{C}\n",
    "column.csv": f"s3,label\n{A},1\n{B},2\n{C},3\n",
    "uris.txt": f"{A}\r\n\r\n{B}\r\n{C}",
    "list": f"{A}\n{B}\n{C}\n",
    "s3.jsonl": "".join(json.dumps({"s3": uri}) + "\n" for uri in (A, B, C)),
    "source.jsonl": "".join(json.dumps({"source": uri, "conf": 1}) + "\n" for uri in (A, B, C)),
    "pairs.jsonl": '{"bucket":"photos","key":"in/a.jpg"}\n{"Bucket":"photos","Key":"in/b c.jpg"}\n\n'
    '{"source":{"bucket":"other","key":"d+e.png"}}\n',
    "lines.txt": '{"s3":"%s"}\n{"s3":"%s"}\n{"s3":"%s"}' % (A, B, C),  # noqa: UP031  (braces of JSON)
    "bom.txt": f"\ufeff{A}\n{B}\n{C}\n",
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gzip"])
def test_every_form_names_the_same_objects(name: str, is_packed: bool, tmp_path: Path, aws: Aws) -> None:
    data = FORMS[name].encode()
    path = tmp_path / (f"{name}.gz" if is_packed else name)
    path.write_bytes(gzip.compress(data) if is_packed else data)
    assert found(str(path), aws) == [A, B, C]


def test_manifest_in_s3_is_read_as_a_stream(aws: Aws) -> None:
    keys = [f"s3://photos/{number:07}.jpg" for number in range(30_000)]
    aws.client("s3").put_object(Bucket="photos", Key="list.txt.gz", Body=gzip.compress("\n".join(keys).encode()))
    assert found("s3://photos/list.txt.gz", aws) == keys


def inventory(aws: Aws, **other: str) -> None:
    rows = [
        ("photos", "in/a.jpg", "v2", "true", "false"),
        ("photos", "in/a.jpg", "v1", "false", "false"),
        ("photos", "in/gone.jpg", "v1", "true", "true"),
        ("photos", "in/notes.json", "v1", "true", "false"),
        ("photos", "in/b%20c.jpg", "v1", "true", "false"),
    ]
    data = "".join(",".join(f'"{value}"' for value in row) + "\n" for row in rows)
    client = aws.client("s3")
    client.put_object(Bucket="photos", Key="inv/data/1.csv.gz", Body=gzip.compress(data.encode()))
    document = {
        "sourceBucket": "photos",
        "destinationBucket": "arn:aws:s3:::photos",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker",
        "files": [{"key": "inv/data/1.csv.gz", "size": 1, "MD5checksum": ""}],
    } | other
    client.put_object(Bucket="photos", Key="inv/manifest.json", Body=json.dumps(document))


def test_inventory_gives_the_latest_images(aws: Aws) -> None:
    inventory(aws)
    source = sources.open_source("s3://photos/inv/manifest.json", aws)
    assert [item.source for item in source.items()] == [A, B]
    assert source.left_out == {".json": 1}


def test_inventory_in_another_format_is_refused(aws: Aws) -> None:
    inventory(aws, fileFormat="ORC")
    with pytest.raises(BatchError, match="must be CSV, got ORC"):
        found("s3://photos/inv/manifest.json", aws)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "key,size\nx,1\n"),
        ("a.csv", "photos\n"),
        ("a.jsonl", '{"key":"a.jpg"}\n'),
        ("a.jsonl", "nonsense\n"),
        ("a.jsonl", '{"s3":"https://photos/a.jpg"}\n'),
        ("a.jsonl", '{"bucket":"photos","key":"\\ud800"}\n'),
        ("a.txt", "s3://photos\n"),
        ("a.json", "{}"),
    ],
)
def test_line_that_names_no_object_is_refused_with_its_place(name: str, text: str, tmp_path: Path, aws: Aws) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BatchError, match=name):
        found(str(tmp_path / name), aws)


KEYS = ('in/x,"y.jpg', "in/z.jpg", "in/'a, b'.jpg", "in/+ %20.jpg", "in/ü.jpg")  # with CSV's own letters


def test_lines_of_uris_are_whole_keys(tmp_path: Path, aws: Aws) -> None:
    uris = [f"s3://photos/{key}" for key in KEYS]
    quoted = ['"s3://photos/in/c, ""d"".jpg"', '"s3://photos/in/two\nlines.jpg"']
    (tmp_path / "a.txt").write_text("\n".join([*uris, *quoted]))
    ends = ['s3://photos/in/c, "d".jpg', "s3://photos/in/two\nlines.jpg"]
    assert found(str(tmp_path / "a.txt"), aws) == uris + ends
    (tmp_path / "a.csv").write_text("\n".join(quoted))
    assert found(str(tmp_path / "a.csv"), aws) == ends


@pytest.mark.parametrize("name", URI_COLUMNS)
def test_spaces_at_the_end_of_a_key_are_kept_where_the_form_has_them(name: str, tmp_path: Path, aws: Aws) -> None:
    uri = "s3://photos/in/a.jpg  "
    (tmp_path / "a.jsonl").write_text(json.dumps({name: uri}))
    (tmp_path / "a.csv").write_text(f'{name}\n"{uri}"\n')
    assert found(str(tmp_path / "a.jsonl"), aws) == found(str(tmp_path / "a.csv"), aws) == [uri]


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.jsonl"])
def test_damaged_gzip_and_a_field_without_end_are_one_message(name: str, tmp_path: Path, aws: Aws) -> None:
    data = bytearray(gzip.compress("".join(f"s3://photos/{number}\n" for number in range(5000)).encode()))
    data[60:90] = b"\xff" * 30
    (tmp_path / f"{name}.gz").write_bytes(data)
    (tmp_path / name).write_text("bucket,key\nphotos," + "x" * 200_000)
    for path in (tmp_path / name, tmp_path / f"{name}.gz"):
        with pytest.raises(BatchError, match=name):
            found(str(path), aws)


def test_broken_gzip_is_an_error_not_the_end(tmp_path: Path, aws: Aws) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(f"{A}\n".encode() * 5000)[:-20])
    with pytest.raises(BatchError, match="cannot be read"):
        found(str(tmp_path / "a.csv.gz"), aws)
