#!/usr/bin/env python3
"""The man pages are made from docs/: sluice(1) names every command, each command has a page with its options, and mandoc
finds nothing to complain of."""
import json, os, pathlib, re, shutil, subprocess
from harness import *

PAGES = pathlib.Path(os.environ.get("SLUICE_BUILD", "")) / "man"
NAMES = ("sluice.1", "sluice-job.5", "sluice-mount.5", "sluice-manual.7", "sluice-operators.7", "sluice-service.7",
         "sluice-durability.7", "sluice-tutorial.7", "sluice-cookbook.7", "sluice-errors.7", "libsluice.3")


def path_of(name):
    return PAGES / ("man" + name[-1]) / name


def text_of(name):
    if not PAGES.exists():
        skip("the build made no man pages: lowdown is not installed")
    return path_of(name).read_text()


def commands():
    return json.loads(sluice_ok("help", "--json").stdout)["commands"]


def plain(text):
    return re.sub(r"\\f\[?[A-Z]+\]?|\\f.|\\", "", text)


def test_every_page_is_a_man_page_with_its_name_and_section():
    for name in NAMES:
        page, section = name.rsplit(".", 1)
        text = text_of(name)
        check(re.search(r'^[.]TH "%s" "%s"' % (page.upper(), section), text, re.M), "the head of " + name)
        check(re.search(r"^[.]SH\nNAME\n%s - \w" % page, text, re.M), "the NAME of " + name)


def test_the_command_page_names_every_command():
    text = plain(text_of("sluice.1"))
    equal([command["name"] for command in commands() if "sluice " + command["name"] not in text], [],
          "commands that sluice(1) does not name")


def test_every_command_has_a_page_with_its_options():
    for command in commands():
        text = plain(text_of("sluice-%s.1" % command["name"]))
        dashes = ["--" + option["name"] if len(option["name"]) > 1 else "-" + option["name"] for option in command["options"]]
        equal([option for option in dashes if option not in text], [], "options that the page of %s leaves out" % command["name"])


def test_mandoc_finds_nothing():
    if not shutil.which("mandoc"):
        skip("mandoc is not installed")
    if not PAGES.exists():
        skip("the build made no man pages: lowdown is not installed")
    pages = sorted(PAGES.glob("man*/*"))
    check(len(pages) > 20, "pages: %d" % len(pages))
    done = subprocess.run(["mandoc", "-T", "lint", *map(str, pages)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    equal(done.stdout, "", "what mandoc -T lint says")


LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def test_links_of_the_installed_pages_lead_to_installed_files():
    done = subprocess.run(["cmake", "--install", str(PAGES.parent), "--prefix", os.path.abspath("usr")], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, env={**os.environ, "DESTDIR": ""})
    equal(done.returncode, 0, "installing: " + done.stderr)
    pages = sorted(pathlib.Path("usr/share/doc/sluice").glob("*.md"))
    check(len(pages) > 15, "pages: %d" % len(pages))
    links = [(page, link) for page in pages for link in LINK.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.S))
             if not re.match(r"https?:|mailto:", link)]
    check(len(links) > 50, "links: %d" % len(links))
    equal(["%s: %s" % (page.name, link) for page, link in links if not (page.parent / link).exists()], [], "links to nothing")


main(globals())
