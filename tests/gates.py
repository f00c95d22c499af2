"""Gates: places in a job where its tasks wait until the test has done something to them.

pipe() with the command of gate_command() passes lines on. At a line "gate NAME", which is dropped, it shows the process that runs
the task and waits for open_gate(NAME). The directory gates/ is that of the test."""
import contextlib, os, pathlib

SCRIPT = """cd %s || exit 1
while IFS= read -r line; do
  case $line in
    "gate "*) name=${line#gate }; echo $PPID >> "$name.at"; while [ ! -e "$name.open" ]; do sleep 0.05; done ;;
    *) printf '%%s\\n' "$line" ;;
  esac
done
"""


def gate_command():
    """In Lua."""
    script = pathlib.Path("gate.sh").absolute()
    script.write_text(SCRIPT % (script.parent / "gates"))
    return '{ "sh", "%s" }' % script


def open_gate(name):
    os.makedirs("gates", exist_ok=True)
    pathlib.Path("gates", name + ".open").touch()


def close_gates():
    """All of them, as before any task reached one."""
    for path in pathlib.Path("gates").iterdir():
        path.unlink()


@contextlib.contextmanager
def all_open(*names):
    for name in names:
        open_gate(name)
    try:
        yield
    finally:
        close_gates()


def waiting_at(name):
    """The processes that have come to the gate, the last one first."""
    path = pathlib.Path("gates", name + ".at")
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [int(line) for line in reversed(lines) if line.endswith("\n")]
