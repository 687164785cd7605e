import tempfile
from pathlib import Path

import pytest

from scripts.bundle import cli, model


@pytest.mark.parametrize("error", [RecursionError("too deep"), ValueError("4300 digits\nsecond line"), MemoryError()])
def test_unexpected_error_is_one_line_with_a_log_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, error: Exception
) -> None:
    def load(*_: object) -> None:
        raise error

    monkeypatch.setattr(model, "load", load)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    weights = tmp_path / "best.onnx"
    weights.write_bytes(b"onnx")
    assert cli.main([str(weights), "--out", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"build_zip: unexpected {type(error).__name__}: ")
    log = Path(line.rpartition(" ")[2])
    assert log.parent == tmp_path
    assert "Traceback" in log.read_text()
