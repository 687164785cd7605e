"""Training of the example detector, best.pt: `python -m example.train` is `python -m example.tasks.train detect`."""

import argparse
import sys

from example.tasks import train


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    command = argparse.ArgumentParser(
        prog="python -m example.train", description="Train and measure the example detector, example/best.pt."
    )
    command.set_defaults(task="detect")
    train.add_options(command)
    return command


if __name__ == "__main__":
    sys.exit(train.run(parser().parse_args()))
