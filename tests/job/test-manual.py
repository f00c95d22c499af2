#!/usr/bin/env python3
# presets: release
"""The jobs in the documentation load; the one in README.md is examples/wordcount.lua."""
import ast, os, re
from harness import *

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def jobs(page):
    return re.findall(r"^```lua\n(.*?)^```$", page.read_text(), re.M | re.S)


def test_every_job_in_the_documentation_loads():
    os.mkdir("in")
    with open("users.csv", "w") as users:  # sluice check reports a table whose file is missing
        users.write("id,name\n1,ann\n")
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


def tables_of_files():
    """First cells of the tables in the manual's chapter about files, from "How a file may arrive" on."""
    text = (ROOT / "docs/manual.md").read_text()
    chapter = text[text.index("### How a file may arrive"):text.index("## Output directories")]
    tables = re.findall(r"^\| (.*?) \|.*\n\|---.*\n((?:\|.*\n)+)", chapter, re.M)
    equal([head for head, _ in tables], ["the file", "the watched directory", "a file with"], "the tables")
    return [line.split(" | ")[0].removeprefix("| ") for _, body in tables for line in body.splitlines()]


def test_every_row_about_files_has_a_claim_through_the_program():
    claimed = [ast.literal_eval(cell) for path in (ROOT / "tests/job").glob("test-*.py")
               for cell in re.findall(r"^@row\((.*)\)$(?=\n(?:@row.*\n)*def test_)", path.read_text(), re.M)]
    rows = tables_of_files()
    equal([cell for cell in rows if cell not in claimed], [], "rows of the manual without a claim")
    equal([cell for cell in claimed if cell not in rows], [], "claims for rows that the manual does not have")
    equal(len(rows), len(set(rows)), "rows that differ in their first cell")


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text()):
            check((page.parent / target).exists(), "%s links to %s" % (page.name, target))


main(globals())
