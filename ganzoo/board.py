"""TensorBoard on every backend: scalars and grids, written without TensorFlow."""

from pathlib import Path

import keras
import numpy as np
from PIL import Image

from ganzoo.errors import GanzooError

__all__ = ["Board"]


class Board(keras.callbacks.Callback):
    """Writes losses and sample grids, over images seen, into `<run>/tensorboard`.

    Raises: `GanzooError` where tensorboardX is not installed.

    Example:
        >>> ganzoo.train("dcgan", tensorboard=True)  # then: tensorboard --logdir runs
    """

    def __init__(self, folder: Path, images_per_step: int, start_step: int):
        super().__init__()
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise GanzooError(
                "TensorBoard files need tensorboardX: pip install 'ganzoo[tensorboard]'"
            ) from error
        self.folder = folder
        # What a killed run wrote after its checkpoint is hidden by the purge.
        seen = start_step * images_per_step
        self.writer = SummaryWriter(str(folder / "tensorboard"), purge_step=seen)

    def on_epoch_end(self, epoch, logs=None):
        seen = int(self.model.seen.value)
        for name, value in (logs or {}).items():
            self.writer.add_scalar(name, float(value), seen)
        grid = self.folder / "samples" / f"{seen:08d}.png"
        if grid.exists():
            pixels = np.atleast_3d(np.asarray(Image.open(grid)))
            self.writer.add_image("samples", pixels, seen, dataformats="HWC")
        self.writer.flush()
