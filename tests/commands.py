"""Running commands of ganzoo in tests."""

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from ganzoo import cli

ROOT = Path(__file__).resolve().parent.parent


def ganzoo_(*arguments):
    """The result of a command that is to succeed."""
    result = CliRunner().invoke(cli.main, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result


def refused(*arguments, code=2):
    """The one line that a command fails with."""
    result = CliRunner().invoke(cli.main, [str(each) for each in arguments])
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("ganzoo: "), result.stderr
    assert result.stderr.count("\n") == 1
    return result.stderr.strip()


def in_a_process(code, **kwargs):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, **kwargs)
