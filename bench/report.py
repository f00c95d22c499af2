"""What bench/run leaves behind: lines on stdout, bench/history.jsonl, the table of docs/performance.md.

The history has one line per case and run, appended. The table shows the newest of each case in it, so a run of some
cases renews their rows and leaves the others.
"""
import json, os, pathlib, re, subprocess, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
HISTORY = ROOT / "bench/history.jsonl"
PAGE = ROOT / "docs/performance.md"
BEGIN, END = "<!-- bench/run writes from here -->", "<!-- to here -->"


def command_output(*argv):
    try:
        return subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()
    except OSError:
        return ""


def machine():
    """Processor, cores and kernel."""
    found = re.search(r"Model name:\s*(.*)", command_output("lscpu"))
    return "%s, %d cores, Linux %s" % (found.group(1) if found else "unknown", os.cpu_count(), os.uname().release)


def commit():
    """The commit, with a + when tracked files differ from it."""
    name = command_output("git", "rev-parse", "--short=10", "HEAD") or "unknown"
    changed = command_output("git", "status", "--porcelain", "--untracked-files=no", "--", ":!docs", ":!bench")
    return name + ("+" if changed else "")


def entry(case, about, figures, options):
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": options.commit or commit(), "case": case,
            "about": about, "machine": machine(), "load": round(os.getloadavg()[0], 1), "runs": options.runs,
            "note": options.note, "figures": figures}


def shown(value):
    return "%.3f" % value if abs(value) < 1 else "%.2f" % value if abs(value) < 100 else "%.0f" % value


def limit(figure):
    must = figure["must"]
    return "" if must is None else must if isinstance(must, str) else "at most %g" % must


def line(case, figure):
    must = limit(figure)
    return "%-14s %-52s %10s %-10s %s" % (case, figure["figure"], shown(figure["value"]), figure["unit"],
                                          "(%s)" % must if must else "")


def remember(entries):
    with open(HISTORY, "a") as file:
        for one in entries:
            file.write(json.dumps(one) + "\n")


def newest():
    """The newest entry of each case of this machine, in the order in which the cases first came."""
    found, here = {}, machine()
    for text in HISTORY.read_text().splitlines():
        one = json.loads(text)
        if one["machine"] == here:
            found[one["case"]] = one
    return list(found.values())


def table(entries):
    lines = [BEGIN, "", "Machine: %s. Commit, day, load at the end of the case and runs stand with each case." %
             machine(), ""]
    for one in entries:
        lines += ["### %s" % one["case"], "", "%s (%s, %s, load %.1f, %d runs%s)" % (
            one["about"][0].upper() + one["about"][1:] + ".", one["commit"], one["time"][:10], one["load"], one["runs"],
            "; " + one["note"] if one["note"] else ""), "", "| figure | | must |", "|---|---|---|"]
        lines += ["| %s | %s %s | %s |" % (f["figure"], shown(f["value"]), f["unit"], limit(f)) for f in one["figures"]]
        lines.append("")
    return "\n".join(lines + [END])


def write_page(order):
    page = PAGE.read_text()
    before, rest = page.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    entries = sorted(newest(), key=lambda one: order.index(one["case"]) if one["case"] in order else len(order))
    PAGE.write_text(before + table(entries) + after)
