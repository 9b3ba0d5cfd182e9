"""What a command imports before it answers, and how its process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cli_cases import ELMAN

_REPORT = """
import sys
from rnndsl.cli.main import main
status = main()
heavy = {"torch", "sympy", "numpy", "jinja2", "rich"} & set(sys.modules)
print("\\nimported:", sorted(heavy), status)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["compile", "--help"],
        ["show", "--help"],
        ["verify", "--help"],
        ["check", "elman.rnn"],
        ["fmt", "--check", "elman.rnn"],
        ["compile", "--emit", "ast", "elman.rnn"],
        ["explain"],
        ["explain", "RNN001"],
        ["zoo"],
        ["zoo", "LSTM"],
    ],
    ids=" ".join,
)
def test_commands_that_only_read_import_nothing_heavy(
    elman: Path, arguments: list[str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _REPORT, *arguments], capture_output=True, text=True
    )
    last = done.stdout.splitlines()[-1]
    assert last.startswith("imported: []"), done.stdout + done.stderr


@pytest.mark.parametrize("option", ["--no-standalone", "--standalone"])
def test_compiling_does_not_import_torch(elman: Path, option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _REPORT, "compile", option, "elman.rnn"],
        capture_output=True,
        text=True,
    )
    assert "torch" not in done.stdout.splitlines()[-1], done.stdout + done.stderr


def test_importing_the_package_imports_no_stage(folder: Path) -> None:
    code = (
        "import sys, rnndsl; "
        "print(sorted(n for n in sys.modules if n.startswith('rnndsl')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "['rnndsl', 'rnndsl.version']\n"


def test_python_m_rnndsl(elman: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rnndsl", "check", "elman.rnn"],
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("1 spec checked: nothing found\n", 0)
    assert done.stderr == ""


def test_a_closed_pipe_is_quiet(elman: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "rnndsl", "zoo", "LSTM"],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(write)
    assert done.stderr == ""
    assert done.returncode == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_is_no_traceback(folder: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "rnndsl", "zoo", "LSTM"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr == (
        "error: the output cannot be written: No space left on device\n"
    )


_INTERRUPTED = """
import rnndsl.zoo
def interrupt():
    raise KeyboardInterrupt
rnndsl.zoo.cell_names = interrupt
import sys
from rnndsl.cli.main import main
sys.exit(main())
"""


def test_an_interrupt_is_quiet(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, "zoo"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "")


_CONCURRENT = """
import os, sys
from pathlib import Path
from rnndsl.compiler import compile_file, compile_text

text = sys.stdin.read()
specs = [text.replace("A simple", f"The {number}th") for number in range(32)]
for number, spec in enumerate(specs):
    Path(f"spec{number}.rnn").write_text(spec)
compile_text(text)
ready, start = os.pipe()
children = []
for number in range(32):
    child = os.fork()
    if child == 0:
        os.close(start)
        os.read(ready, 1)  # all wait for the pipe to be closed
        compile_file(f"spec{number}.rnn", "out.py")
        os._exit(0)
    children.append(child)
os.close(start)
running = set(children)
seen = set()
while running:
    done, status = os.waitpid(-1, os.WNOHANG)
    if done:
        running.remove(done)
        assert status == 0, status
    if os.path.exists("out.py"):
        seen.add(Path("out.py").read_text())
whole = {compile_text(spec, f"spec{n}.rnn") for n, spec in enumerate(specs)}
assert len(whole) == 32
assert seen and seen <= whole, "a part of a file was seen"
print(sorted(name for name in os.listdir() if not name.endswith(".rnn")))
"""


def test_concurrent_compiles_leave_one_whole_file(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CONCURRENT],
        input=ELMAN,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.returncode) == ("['out.py']\n", 0), done.stderr
