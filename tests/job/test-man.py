#!/usr/bin/env python3
"""The man pages are made from docs/, and sluice(1) names every command."""
import os, pathlib, re, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *

PAGES = pathlib.Path(os.environ.get("SLUICE_BUILD", "")) / "man"
NAMES = ("sluice.1", "sluice-manual.7", "sluice-mount.7", "sluice-operators.7", "sluice-service.7", "sluice-durability.7")


def text_of(name):
    if not (PAGES / name).exists():
        skip("the build made no man pages: lowdown is not installed")
    return (PAGES / name).read_text()


def test_every_page_is_a_man_page_with_its_name_and_section():
    for name in NAMES:
        page, section = name.rsplit(".", 1)
        check(re.search(r"^[.]TH \"?%s\"? \"?%s\"?" % (page, section), text_of(name), re.M), "the head of " + name)


def test_the_command_page_names_every_command():
    text = re.sub(r"\\f.|\\", "", text_of("sluice.1"))
    commands = re.findall(r"^  sluice (\w+) ", sluice_ok("help").stdout, re.M)
    check(len(commands) > 8, "the commands that help lists: %s" % commands)
    equal([command for command in commands if "sluice " + command not in text], [], "commands that sluice(1) does not name")


main(globals())
