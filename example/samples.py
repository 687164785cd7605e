"""Sample images of the example detector: `python -m example.samples` draws example/samples again."""

from example.tasks import samples

if __name__ == "__main__":
    samples.draw(["detect"])
