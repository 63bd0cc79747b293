"""What happens beside the steps of a training run: samples, checkpoints, a halt."""

import signal
import threading
import time

import keras
import numpy as np

from ganzoo import health
from ganzoo.errors import GanzooError
from ganzoo.runs import peak_memory

__all__ = ["Keeper", "Pace", "gentle_stop"]


class Pace(keras.callbacks.Callback):
    """Adds kimg and img/s to the progress bar. Images are the real ones shown."""

    def __init__(self, images_per_step: int, start_step: int):
        super().__init__()
        self.images, self.step = images_per_step, start_step

    def on_epoch_begin(self, epoch, logs=None):
        self.began = self.counted = None

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        now = time.perf_counter()
        if self.began is None:  # the first step may have been compiled
            self.began, self.counted = now, self.step
        if logs is not None:
            logs["kimg"] = self.step * self.images / 1000
            if self.step > self.counted:
                steps = self.step - self.counted
                logs["img/s"] = steps * self.images / (now - self.began)


class Keeper(keras.callbacks.Callback):
    """Keeps the run folder: grids and metrics each tick, checkpoints, the NaN halt.

    Args:
        run: the run folder.
        images_per_step: real images shown in one step.
        start_step: steps taken before.
        last_step: the step after which the run is over.
        reals: `health.diversity` of real pictures.
    """

    def __init__(self, run, images_per_step, start_step, last_step, reals):
        super().__init__()
        self.run, self.step, self.last_step = run, start_step, last_step
        self.saved, self.reals = start_step, reals
        kimg = 1000 / images_per_step
        self.checkpoint_steps = max(1, round(run.recipe.checkpoint_kimg * kimg))
        self.began = self.saved_at = time.monotonic()

    def on_train_begin(self, logs=None):
        if self.step == 0:
            self.run.sample(self.model)

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        if logs and not all(np.isfinite(value) for value in logs.values()):
            self._halt()
        minutes = (time.monotonic() - self.saved_at) / 60
        due = self.step % self.checkpoint_steps == 0 or self.step == self.last_step
        if due or minutes >= self.run.recipe.checkpoint_minutes:
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        if self.model.stop_training:
            return
        images = self.run.sample(self.model)
        self.run.log(self._line(logs, health.diversity(images[:64])))

    def save(self) -> None:
        """Write a checkpoint, unless the last one is of this step."""
        if self.saved == self.step:
            return
        self._halt_if_broken()
        self.run.save(self.model)
        self.saved, self.saved_at = self.step, time.monotonic()

    def _line(self, logs, fakes):
        line = {key: round(float(value), 5) for key, value in logs.items()}
        line["kimg"] = int(self.model.seen.value) / 1000
        seconds = self.run.seconds + time.monotonic() - self.began
        said = health.verdict(line, fakes, self.reals)
        if said != "all is well":
            print(f"  {said}")
        return line | {
            "step": self.step,
            "seconds": round(seconds, 2),
            "peak_memory_mb": round(peak_memory(), 1),
            "diversity": round(fakes, 2),
            "health": said,
        }

    def _halt_if_broken(self):
        if any(int(step.value) >= 0 for step in self.model.broken.values()):
            self._halt()

    def _halt(self):
        steps = {name: int(at.value) for name, at in self.model.broken.items()}
        broken = {name: at for name, at in steps.items() if at >= 0}
        who = min(broken, key=broken.get, default="a player")
        kept = f"step {self.saved} stands" if self.saved else "none was written yet"
        raise GanzooError(
            f"the loss of the {who} stopped being a finite number at step "
            f"{broken.get(who, self.step - 1)}. The last good checkpoint: {kept}. "
            "Lower the learning rates, or add a penalty, in a new run."
        )


class gentle_stop:
    """A context in which Ctrl-C and SIGTERM end the run after the step they fall in.

    A second Ctrl-C interrupts at once. Outside the main thread it changes nothing.
    """

    def __init__(self, gan):
        self.gan, self.stopped, self.before = gan, False, {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *error):
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _stop(self, number, frame):
        if self.stopped:
            raise KeyboardInterrupt
        self.stopped = self.gan.stop_training = True
        print("\nstopping after this step; once more to stop at once")
