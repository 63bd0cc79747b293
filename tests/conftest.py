"""What all tests share. The settings come before anything imports keras."""

import os
import signal
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent


def _share_the_processor():
    """Several workers of pytest-xdist, each with its part of the cores."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        threads = str(max(1, (os.cpu_count() or 1) // workers))
        os.environ.setdefault("OMP_NUM_THREADS", threads)
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", threads)
        os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")


def _find_data():
    """Data sets beside the checkout, so that tests on real data need no download."""
    folder = _CHECKOUT.parent / "shared" / "tfds"
    if folder.is_dir():
        os.environ.setdefault("GANZOO_DATA", str(folder))


os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "agg")
# Of a test's time on JAX most is compilation; slower steps of small models are nothing.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ["GANZOO_HUB"] = ""  # no test asks the network for weights
for setting in ("GANZOO_OFFLINE", "GANZOO_DEBUG"):
    os.environ.pop(setting, None)  # what the shell has is not what is tested
_share_the_processor()
_find_data()

import pytest  # noqa: E402

from ganzoo import registry  # noqa: E402

VARIANTS = registry.list_models()


@pytest.fixture(scope="session", autouse=True)
def ganzoo_home(tmp_path_factory):
    """A cache folder of the tests' own."""
    home = tmp_path_factory.mktemp("ganzoo_home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANZOO_HOME", str(home))
        yield home


@pytest.fixture
def ctrl_c():
    """SIGINT as in a terminal: a shell starts what runs behind without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# One worker takes all tests of a variant, which share what they build.
_GROUPED = [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in VARIANTS]


@pytest.fixture(params=_GROUPED)
def variant(request):
    """The name of each variant in turn: a test that takes it runs for all."""
    return request.param
