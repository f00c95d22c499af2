#!/usr/bin/env python3
# presets: release
"""Completion: what `sluice complete` offers, and that the scripts of the three shells offer it."""
import os, pathlib, pty, select, shutil, subprocess
from harness import *


def offered(*words):
    """(words, directive) for the words typed so far; the last one is being typed."""
    lines = sluice_ok("complete", "--", *words).stdout.splitlines()
    return [line.split("\t")[0] for line in lines if not line.startswith(":")], [line for line in lines if line.startswith(":")]


def test_commands_options_choices_settings_and_names_are_offered():
    check({"run", "reset", "replay"} <= set(offered("r")[0]), "commands with r: %s" % offered("r")[0])
    check("complete" not in offered("")[0], "the command for shells is not offered")
    equal(offered("run", "--cl")[0], ["--clock"], "options of run with --cl")
    equal(offered("run", "--clock", "")[0], ["virtual", "real"], "the values of --clock")
    check("memoryLimit=" in offered("run", "--set", "mem")[0], "options of the context after --set")
    check({"reduceByKey", "replay"} <= set(offered("help", "re")[0]), "commands and operators after help")
    equal(offered("run", ""), ([], [":jobs"]), "after run")
    equal(offered("-"), (["--color", "--help", "--version"], []), "options before a command")
    equal(offered("status", "--color", "a")[0], ["auto", "always"], "the values of --color")
    equal(offered("deadletter", "--by=m"), (["--by=message"], []), "a value in one word with its option")
    equal(offered("run", "--nonsense=m"), ([], []), "a value of an option that is none")
    for words in (("deadletter", "--by", "=", "m"), ("deadletter", "--by", "m")):
        equal(offered(*words), (["message"], []), "a value as bash cuts words: %s" % (words,))
    equal(offered("run", "--clock", "=")[0], ["virtual", "real"], "all values as bash cuts words")
    equal(offered("run", "--checkpoint", "")[1], [":directories"], "after --checkpoint")
    equal(offered("nonsense", ""), ([], []), "after a word that is no command")


def test_views_of_the_checkpoint_are_offered():
    wordcount_here()
    move_in("a", "to be\n")
    sluice_ok("run", "wordcount.lua", "--once")
    equal(offered("wait", "cou")[0], ["counts"], "views after wait")
    equal(offered("wait", "wordcount.lua", "c")[0], ["counts"], "views of the job")
    equal(offered("wait", "--checkpoint", "nowhere", "c")[0], [], "views of a checkpoint that is not there")


def shell(name, script):
    if not shutil.which(name):
        skip(name + " is not installed")
    env = {**os.environ, "PATH": str(pathlib.Path(SLUICE).resolve().parent) + ":" + os.environ["PATH"], "HOME": os.getcwd()}
    done = subprocess.run([name, "-c", script], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S)
    equal(done.returncode, 0, "exit status of %s; %s" % (name, done.stderr))
    return done.stdout.split("\n")[:-1]


BASH = """
. %s
COMP_WORDS=(%s)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_sluice
printf '%%s\\n' "${COMPREPLY[@]}"
"""


def bash(words):
    return shell("bash", BASH % (ROOT / "completions/sluice.bash", words))


def test_bash_completes():
    pathlib.Path("job one.lua").touch()
    pathlib.Path("notes.txt").touch()
    equal(bash("sluice run --cl"), ["--clock"], "options")
    equal(bash("sluice run --clock v"), ["virtual"], "values")
    equal(bash('sluice run jo'), ["job one.lua"], "jobs")
    check("reduceByKey" in bash("sluice help reduce"), "operators")


def test_fish_completes():
    found = shell("fish", "source %s; complete -C 'sluice run --cl'; complete -C 'sluice help reduceByKeyA'"
                  % (ROOT / "completions/sluice.fish"))
    equal([line.split("\t")[0] for line in found], ["--clock", "reduceByKeyAndWindow"], "what fish offers")


ZSH = """
compdef() { :; }
_describe() { print -l -- "${found[@]}"; }
_files() { print -- files "$@"; }
words=(sluice run --cl); CURRENT=3
source %s
words=(sluice run x); CURRENT=3
source %s
"""


def test_zsh_is_given_what_fits():
    script = ROOT / "completions/_sluice"
    found = shell("zsh", ZSH % (script, script))
    equal(found[0].split(":")[0], "--clock", "the first candidate")
    equal(found[-1], "files -g *.lua", "file names that fit")


def test_zsh_completes():
    """In an interactive shell: what a line becomes when a tab is typed after it."""
    if not shutil.which("zsh"):
        skip("zsh is not installed")
    pathlib.Path("job one.lua").touch()
    pathlib.Path("notes.txt").touch()
    env = {"PATH": str(pathlib.Path(SLUICE).resolve().parent) + ":" + os.environ["PATH"], "HOME": os.getcwd(), "PS1": "BEGIN> ", "TERM": "dumb"}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(["zsh", "-f", "-i"], env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    seen = bytearray()

    def type_until(typed, wanted):
        at = len(seen)
        os.write(ours, typed.encode())

        def has_seen():
            if select.select([ours], [], [], 0.05)[0]:
                seen.extend(os.read(ours, 65536))
            return wanted.encode() in seen[at:]
        wait_until(has_seen, "%r; seen %r" % (wanted, seen))

    try:
        type_until("", "BEGIN> ")
        type_until("fpath=(%s $fpath); autoload -Uz compinit; compinit -u -D; PS1=RE'ADY> '\n" % (ROOT / "completions"), "READY> ")
        for line, completed in (("sluice run --cl", "sluice run --clock"), ("sluice run --clock v", "--clock virtual"),
                                ("sluice help reduceByKeyA", "reduceByKeyAndWindow"), ("sluice run ", "job\\ one.lua"), ("sluice deadl", "sluice deadletter")):
            type_until(line + "\t", completed)
            type_until("\x15\n", "READY> ")  # the line is cleared
    finally:
        process.kill()
        process.wait()
        os.close(ours)


main(globals())
