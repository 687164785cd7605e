"""Reader of detections: which are read, by which model, and the reading or the error of each."""

import logging
from typing import NamedTuple, Self

from PIL import Image

from function import classes
from function.errors import FunctionError, InvalidOption, InvalidSetting, TooLarge, one_line
from function.metadata import DENSE_TASKS, ModelMetadata
from function.model import Model
from function.reading_settings import ReadingSettings
from function.readings import crops
from function.results import Prediction, Reading
from function.settings import Settings

Outcome = Reading | FunctionError

logger = logging.getLogger(__name__)


class Reader(NamedTuple):
    """Reader of one execution environment."""

    reading: ReadingSettings
    settings: Settings
    class_ids: frozenset[int] | None  # of the detections that are read; None: of every class
    dial: Model | None  # the pose model; None: Bedrock

    @classmethod
    def load(cls, reading: ReadingSettings, settings: Settings, metadata: ModelMetadata | None) -> Self:
        """Return the reader; a pose model is loaded, boto3 is not.

        Args:
            reading: settings of readings.
            settings: of the function.
            metadata: of the model that detects; None for a generic ONNX model.

        Raises:
            InvalidSetting: the model finds no objects, or does not have a class of READ_CLASSES.
            UnusableModel: the pose model is missing, broken or another kind of model.
        """
        if metadata is None or metadata.task in ("classify", *DENSE_TASKS):
            got = "a generic ONNX model" if metadata is None else metadata.task
            kind = "packed" if reading.is_packed else "set"
            hint = "READ_MAX_CROPS=0 turns readings off" + (
                ", and build_zip.sh without --read-model packs no model for them" if reading.is_packed else ""
            )
            raise InvalidSetting(
                f"{reading.origin} must be {kind} only for a model that detects objects, got {got}: {hint}"
            )
        class_ids = None
        if reading.classes:
            try:
                class_ids = frozenset(classes.class_ids(reading.classes, metadata.names).tolist())
            except InvalidOption as error:
                raise InvalidSetting(f"READ_CLASSES must be classes of the model: {error}") from error
        if reading.model_id:
            return cls(reading, settings, class_ids, None)
        from function.readings import dial  # imported here: Bedrock needs none of it

        return cls(reading, settings, class_ids, dial.load(reading, settings))

    def describe(self) -> dict[str, str] | None:
        """Return the name and the checksum of the pose model; None for Bedrock, whose id is in every reading."""
        if self.dial is None:
            return None
        return {"model": self.reading.file_name, "sha256": self.dial.metadata.sha256}

    def rows(self, prediction: Prediction) -> list[int]:
        """Return the detections of the classes that are read, best first."""
        ids = enumerate(prediction.class_ids.tolist())
        rows = [row for row, class_id in ids if self.class_ids is None or class_id in self.class_ids]
        return sorted(rows, key=lambda row: -float(prediction.scores[row]))

    def cut(self, data: bytes, prediction: Prediction) -> list[Image.Image]:
        """Return the crops of the best `max_crops` detections that are read.

        Args:
            data: the encoded image.
            prediction: of the image.

        Raises:
            FunctionError: the image cannot be decoded again at full resolution.
        """
        rows = self.rows(prediction)[: self.reading.max_crops]
        limits = self.settings.max_image_pixels, self.settings.memory_mb
        return crops.cut(data, prediction.boxes_xyxy[rows], *limits, prediction.metadata.channels)

    def read(self, images: list[Image.Image], ends: float | None) -> list[Outcome]:
        """Return the reading or the error of each crop.

        Args:
            images: from `cut`.
            ends: time limit of Bedrock by `monotonic`; None: none. A pose model computes: the caller limits its time.

        Raises:
            TransientError: Bedrock cannot be called at all.
        """
        if self.dial:
            from function.readings import dial  # imported here: Bedrock needs none of it

            return dial.read(self.dial, images, self.reading, self.settings)
        from function.readings import bedrock  # imported here: it loads boto3

        return bedrock.read(images, self.reading, ends)

    def add(self, prediction: Prediction, outcomes: list[Outcome] | FunctionError, request_id: str) -> Prediction:
        """Return the prediction with its readings; the detections beyond the limit have an error.

        Args:
            prediction: without readings.
            outcomes: of the best detections, from `read`; one error, which is logged, if none of them could be read.
            request_id: for the log.
        """
        rows, limit = self.rows(prediction), self.reading.max_crops
        if isinstance(outcomes, list):
            _log(outcomes, request_id)
        else:
            outcomes = [outcomes] * len(rows[:limit])
        excess = TooLarge(f"an image must have at most {limit} detections to read (READ_MAX_CROPS), got {len(rows)}")
        by_row: dict[int, Outcome] = dict.fromkeys(rows, excess) | dict(zip(rows, outcomes, strict=False))
        return prediction._replace(readings=tuple(by_row.get(row) for row in range(len(prediction.scores))))


def _log(outcomes: list[Outcome], request_id: str) -> None:
    """Write one line about the errors; the texts of the readings are not logged."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, FunctionError)]
    if errors:
        first = one_line(f"{type(errors[0]).__name__}: {errors[0]}")
        logger.warning("request %s: %d of %d readings failed: %s", request_id, len(errors), len(outcomes), first)
