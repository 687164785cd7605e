"""Training of the example models from scratch: `python -m example.tasks.train TASK`.

Draws the data set, trains, saves the weights, measures them on the test split and updates the model card.
"""

import argparse
import re
import sys
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from example.offline import load_checkpoint, load_yolo
from example.strip_checkpoint import save_stripped
from example.tasks.dataset import build, default_workers
from example.tasks.model_card import write_card
from example.tasks.training_configs import EXAMPLE, TRAINING_CONFIGS, TrainingConfig


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(prog="python -m example.tasks.train", description=run.__doc__)
    command.add_argument("task", choices=(*TRAINING_CONFIGS, "all"), help="task of the model, or all tasks")
    add_options(command)
    return command


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `python -m example.train` shares."""
    parser.add_argument("--epochs", type=int, metavar="N", help="number of epochs (default: as in training_configs.py)")
    parser.add_argument("--device", default="cpu", metavar="NAME", help="cpu, 0, mps: as in ultralytics (default: cpu)")
    parser.add_argument(
        "--threads", type=int, default=default_workers(), metavar="N", help="CPU threads of torch (default: all cores)"
    )
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    parser.add_argument("--measure", action="store_true", help="only measure the present weights again")


def main() -> int:
    """Run the command line. Return the exit code."""
    return run(parser().parse_args())


def run(args: argparse.Namespace) -> int:
    """Train and measure models; save the weights and their model card in example/."""
    configs = list(TRAINING_CONFIGS.values()) if args.task == "all" else [TRAINING_CONFIGS[args.task]]
    for config in configs:
        if args.resume and not _is_unfinished(config):
            sys.stderr.write(f"no unfinished run in {config.folder / 'run'}; start one without --resume\n")
            return 2
    for config in configs:
        data = build(config, config.folder / "data", default_workers())
        if not args.measure:
            best = train(config, data, args)
            save_stripped(best, config.weights, EXAMPLE.parent)
        measured = write_card(config, data, args.device)
        sys.stdout.write("".join(f"{name:<18} {value}\n" for name, value in measured.items()))
        size = config.weights.stat().st_size
        sys.stdout.write(f"{config.weights}: {size:,} bytes\nnext: python -m export {config.weights}\n")
    return 1 if any(config.weights.stat().st_size > config.max_bytes for config in configs) else 0


def train(config: TrainingConfig, data: Path, args: argparse.Namespace) -> Path:
    """Train one model, or continue its last run. Return the path of the best weights."""
    weights = config.folder / "run" / "weights"
    model = load_yolo(str(weights / "last.pt" if args.resume else _architecture(config)))
    if config.initial and not args.resume:
        model.load(str(config.initial))
    model.add_callback("on_train_start", partial(_set_threads, args.threads))
    if config.bfloat16 and args.device == "cpu":
        model.add_callback("on_train_start", _put_channels_last)
        model.add_callback("on_train_epoch_start", partial(_set_bfloat16, True))
        model.add_callback("on_train_epoch_end", partial(_set_bfloat16, False))  # the validation has all digits
    if args.resume:
        model.train(resume=True, device=args.device)
    else:
        run_folder = {"project": str(config.folder), "name": "run", "exist_ok": True}
        epochs = args.epochs or config.epochs
        model.train(data=str(data), epochs=epochs, device=args.device, **run_folder, **config.settings)
    return weights / "best.pt"


def _architecture(config: TrainingConfig) -> Path:
    """Write the architecture of ultralytics at a smaller scale. Return the path of the file."""
    from ultralytics.utils import YAML

    source = files("ultralytics").joinpath(f"cfg/models/{config.base}")
    content = YAML.load(str(source)) | {"scales": {"n": list(config.scale)}, "nc": len(config.names)}
    if config.keypoints:
        content["kpt_shape"] = [len(config.keypoints), 3]
    if config.head:
        content["head"][-1][-1] = list(config.head)
    path = config.folder / _with_scale(Path(config.base).name)
    YAML.save(path, content)
    return path


def _with_scale(name: str) -> str:
    """Return the file name with the scale letter after the version: yolo11-seg.yaml becomes yolo11n-seg.yaml."""
    return re.sub(r"^(yolov?\d+)", r"\1n", name)


def _set_threads(threads: int, _trainer: object) -> None:
    """Set the threads of torch: ultralytics leaves one core unused on a CPU, of two cores half of the speed."""
    import torch

    torch.set_num_threads(threads)


def _put_channels_last(trainer: Any) -> None:
    import torch

    trainer.model.to(memory_format=torch.channels_last)


def _set_bfloat16(enabled: bool, _trainer: object) -> None:
    """Run convolutions in bfloat16 or not: `amp` of ultralytics has no effect on a CPU."""
    import torch

    torch.set_autocast_cache_enabled(False)  # it keeps weights until the end of a context, and here is none
    torch.set_autocast_enabled("cpu", enabled)


def _is_unfinished(config: TrainingConfig) -> bool:
    """Return whether the last run can be resumed; ultralytics marks a finished run with epoch -1."""
    last = config.folder / "run" / "weights" / "last.pt"
    return last.exists() and int(load_checkpoint(last)["epoch"]) >= 0


if __name__ == "__main__":
    sys.exit(main())
