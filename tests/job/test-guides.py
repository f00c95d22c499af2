#!/usr/bin/env python3
# presets: release
"""docs/tutorial.md and docs/cookbook.md do what they show.

Each section (##) runs in an empty directory of its own, its blocks in order:
  ```lua NAME, ```text NAME, ```sh NAME   the file NAME
  ```console                              lines that begin with "$ " are commands of one shell, those after them what they
                                          print; a line "..." stands for any lines, "..." in a line for any text
Commands end with the section: a run that is still there is ended."""
import os, pathlib, re, signal, subprocess
from harness import *

PAGES = [ROOT / "docs/tutorial.md", ROOT / "docs/cookbook.md"]
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)
END = "end-of-command-%d" % os.getpid()


class Shell:
    """A bash that runs a command at a time and gives what it printed, on either stream."""

    def __init__(self):
        path = str(pathlib.Path(SLUICE).resolve().parent) + ":" + os.environ["PATH"]
        self.process = subprocess.Popen(["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, errors="replace", env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"},
                                        start_new_session=True)

    def run(self, command):
        self.process.stdin.write("%s\necho; echo %s $?\n" % (command, END))
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.startswith(END):
                if lines and lines[-1] == "":
                    lines.pop()
                return int(line.split()[1]), lines
            lines.append(line.rstrip("\n"))
        fail("the shell ended: %s" % lines)

    def close(self):
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, sign)
            except ProcessLookupError:
                break
            if sign == signal.SIGTERM:
                try:
                    self.process.communicate(timeout=PATIENCE_S)
                except (subprocess.TimeoutExpired, ValueError):
                    pass


def pattern(lines):
    """What is shown, as a regular expression over whole lines."""
    parts = []
    for line in lines:
        if line == "...":
            parts.append(r"(?:.*\n)*")
        else:
            parts.append(".*".join(re.escape(piece) for piece in line.split("...")) + r"\n")
    return re.compile("".join(parts) + r"\Z")


def commands(block):
    """(command, lines shown after it); a command goes on over lines that begin with "> "."""
    found = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], []])
        elif line.startswith("> "):
            found[-1][0] += "\n" + line[2:]
        else:
            found[-1][1].append(line)
    return found


def run_section(text):
    shell = Shell()
    try:
        for kind, name, body in BLOCK.findall(text):
            if kind != "console":
                check(name, "a block of %s has a file name" % kind)
                os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
                pathlib.Path(name).write_text(body)
                if kind == "sh":
                    os.chmod(name, 0o755)
                continue
            for command, shown in commands(body):
                status, lines = shell.run(command)
                check(pattern(shown).match("".join(line + "\n" for line in lines)),
                      "$ %s\n  status %d, printed\n%s\n  shown in the page\n%s" % (command, status, "\n".join(lines), "\n".join(shown)))
    finally:
        shell.close()


def section_test(page, title, text):
    def test():
        if "mnt/" in text:
            need_fuse()
        run_section(text)
    return test


def sections(page):
    for part in re.split(r"^## ", page.read_text(), flags=re.M)[1:]:
        title, _, text = part.partition("\n")
        if BLOCK.search(text):
            yield title, text


for page in PAGES:
    for number, (title, text) in enumerate(sections(page)):
        name = "test_%s_%02d_%s" % (page.stem, number, re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_"))
        globals()[name] = section_test(page, title, text)

main(globals())
