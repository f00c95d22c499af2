#!/usr/bin/env python3
# presets: release
"""The jobs in the documentation load; the one in README.md is examples/wordcount.lua."""
import os, pathlib, re, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from harness import *

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def jobs(page):
    return re.findall(r"^```lua\n(.*?)^```$", page.read_text(), re.M | re.S)


def test_every_job_in_the_documentation_loads():
    os.mkdir("in")
    for page in PAGES:
        for text in jobs(page):
            job(text)
            sluice_ok("check", "job.lua")


def test_the_job_of_the_first_screen_is_the_example():
    check(jobs(ROOT / "README.md")[0] in WORDCOUNT.read_text(), "examples/wordcount.lua holds the job of README.md")


def test_one_line_jobs_in_the_documentation_run():
    move_in("a", "to be or not to be\n")
    for page in PAGES:
        for code, options in re.findall(r"^    sluice run -e '(.*)'(.*)$", page.read_text(), re.M):
            sluice_ok("run", "-e", code, *options.split())


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text()):
            check((page.parent / target).exists(), "%s links to %s" % (page.name, target))


main(globals())
