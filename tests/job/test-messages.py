#!/usr/bin/env python3
"""Messages as a user causes them: each says what, where and what to do."""
import pathlib, shutil, socket
from harness import *

HEAD = 'local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = "1s"%s }\n'
LINES = 'local s = ssc:textFileStream("in")\n'
SAVE = 's:saveAsTextFiles("out/a")\n'


def said(status, words, *command, **more):
    """The exit status and all of the words on stderr."""
    done = sluice(*command, **more)
    for word in words:
        check(word in done.stderr, "%r is in: %s" % (word, done.stderr))
    equal(done.returncode, status, "exit status; " + done.stderr)
    return done.stderr


def once(status, words, body, options="", lines="to be\nor not\n"):
    """A batch of one file, in/a, of a job."""
    shutil.rmtree(".sluice", ignore_errors=True)
    job(HEAD % options + LINES + body)
    move_in("a", lines)
    return said(status, words, "run", "job.lua", "--once")


def test_words_of_options_are_listed_and_what_was_given_is_shown():
    for option, message in (("onRecordError = \"ignore\"", 'onRecordError must be "deadletter", "stop" or "skip", got "ignore"'),
                            ("onFileError = \"skip\"", 'onFileError must be "quarantine" or "stop", got "skip"'),
                            ("catchUp = \"some\"", 'catchUp must be "windows", "all" or "none", got "some"')):
        once(2, ["job.lua:2: " + message], SAVE, ", " + option)


def test_words_of_operators_are_listed_and_what_was_given_is_shown():
    for body, message in (('ssc:textFileStream("in", { watch = "pol" }):print()', 'watch must be "auto", "inotify" or "poll", got "pol"; did you mean "poll"?'),
                          ('ssc:fileStream("in", { format = "lines", encoding = "utf-7" }):print()', '"utf-16be" or "latin1", got "utf-7"'),
                          ('ssc:fileStream("in", { format = "csv", schema = { { "a", "int" } }, badValues = "skip" }):print()', 'badValues must be "error" or "nil", got "skip"'),
                          ('ssc:tailStream("x", { from = "middle" }):print()', 'from must be "start" or "end", got "middle"'),
                          ('s:map(sluice.normalize("NFX")):print()', '"NFKC" or "NFKD", got "NFX"'),
                          ('s:map(sluice.length { unit = "word" }):print()', 'unit must be "byte" or "character", got "word"'),
                          ('s:withWatermark(function() return 0 end, "1s"):eventWindow({ size = "1s", emit = "all" }):count():print()', '"updates" or "both", got "all"'),
                          ('local t = s:map(sluice.pair(1)):withWatermark(function() return 0 end, "1s") t:joinWithin(t, "5m", "right"):print()', '"left" or "full", got "right"'),
                          ('s:saveToTable("sqlite:x.db", "t", { mode = "insert" })', 'or "replace", got "insert"'),
                          ('s:saveAsTextFiles("s3://bucket/x", nil, { addressing = "host" })', 'addressing must be "path" or "virtual", got "host"')):
        once(2, ["job.lua:", message], body)


def test_a_failed_batch_names_what_was_being_done_and_what_to_do():
    for body, doing, line in (("s:pipe({\"false\"}):print()", "running the operators: job.lua:4: pipe: false exited with status 1", ""),
                              ("s:foreachRDD(function(rdd) error('boom') end)", "calling foreachRDD, print and pipeTo: job.lua:4: foreachRDD: boom", "")):
        error = once(1, ["failed while " + doing, "the next start tries it again; sluice reset --skip "], body)
        equal(error.count("next start"), 1, "remedies in " + error)


def test_a_place_in_the_job_is_named_once():
    """Where an operator and what failed in it name the same line, or the same operator."""
    fails = "s:map(function(l) error('it is ' .. l) end)%s\n"
    many = "".join("%d\n" % i for i in range(300))
    for status, words, body, options, lines in (
            (1, "job.lua:4: foreachRDD: boom;", "s:foreachRDD(function(rdd) error('boom') end)", "", "x\n"),
            (1, "job.lua:4: foreachRDD: map: it is x;", "s:foreachRDD(function(rdd) rdd:map(function(l) error('it is ' .. l) end):collect() end)", "", "x\n"),
            (1, "job.lua:4: map: it is x; the run stops", fails % ":print()", ', onRecordError = "stop"', "x\n"),
            (1, "job.lua:4: reduceByKey: the record has one field", "s:map(function(l) return { l, 1 } end):reduceByKey(sluice.sum):print()", ', onRecordError = "stop"', "x\n"),
            (1, "for example: it is 0; correct the job", "s:map(sluice.pair(1)):reduceByKey(sluice.sum):map(function(l) error('it is ' .. l) end):print()", "", many),
            (0, "the first at line 1: job.lua:4: map: it is 0; when it is repaired", fails % ":print()", "", many),
            (0, "sluice: warning: file quarantined: too many record errors in in/a: 300", 'ssc:textFileStream("in"):map(sluice.number(1)):print()\n', "", "x\n" * 300),
            (1, "job.lua:4: textFileStream: filter of the name a: no luck", 'ssc:textFileStream("in", { filter = function(n) error("no luck") end }):print()\n', "", "x\n")):
        error = once(status, [words], body, options, lines)
        check(error.count("job.lua:4: ") == 1, "the line is named once: " + error)
    error = once(1, ["job.lua:4: foreachRDD: job.lua:5: boom;"], "s:foreachRDD(function(rdd)\n  error('boom') end)")


def test_a_duration_that_is_too_long_names_the_limits():
    for given in ("36500d", "10001d", "0.5ms", "1y", ""):
        words = ["1ms to 10000d, in whole milliseconds", 'got "%s"' % given]
        once(2, ["job.lua:4: mapWithState: timeout must be a duration of", *words], 's:map(sluice.pair(1)):mapWithState(function(k, v) return k end, { timeout = "%s" }):print()\n' % given)
        once(2, ['job.lua:4: saveAsTextFiles: keep must be a number of directories, or a duration such as "7d", of 1ms to 10000d'], 's:saveAsTextFiles("out/a", "txt", { keep = "%s" })\n' % given)
        said(2, ["--timeout must be a duration", *words], "wait", "in/a", "job.lua", "--timeout", given)
    job(HEAD % ', catchUp = "none"' + LINES + 's:map(sluice.pair(1)):mapWithState(function(k, v) return k end, { timeout = "10000d" }):print()\n')
    said(0, [], "check", "job.lua")


def test_sizes_are_one_kind_of_option():
    """Whichever option it is: with a unit, as a number, or as a float that is one; what is none names what it must be."""
    os.mkdir("in")
    wanted = 'must be a size of at least 1 byte, such as "10KB", "512MiB", "1.5GB" or a number of bytes'
    for given in ("10KB", "1.5GB", "512MiB", "20000000", "10000000000"):
        for option in ("maxBytesPerBatch", "maxRecordBytes", "memoryLimit"):
            for value in ('"%s"' % given, given):
                if value.startswith('"') or value.isdigit():
                    job(HEAD % (", %s = %s" % (option, value)) + LINES + "s:print()\n")
                    said(0, [], "check", "job.lua")
            said(0, [], "check", "job.lua", "--set", "%s=%s" % (option, given))
        job(HEAD % ", checkpoint = false" + 'ssc:tailStream("in/*", { receivedLimit = "%s" }):print()\n' % given)
        said(0, [], "check", "job.lua")
    for value, got in (('"10 KB"', '"10 KB"'), ('""', '""'), ('"0"', '"0"'), ("0", "0 bytes"), ("-5", "-5 bytes"), ("1.5", "1.5 bytes"), ('"9999999TB"', '"9999999TB"')):
        for option in ("maxBytesPerBatch", "maxRecordBytes", "memoryLimit"):
            once(2, ["job.lua:2: StreamingContext: %s %s, got %s" % (option, wanted, got)], "s:print()\n", ", %s = %s" % (option, value))
        once(2, ["job.lua:4: tailStream: receivedLimit %s, got %s" % (wanted, got)], 'ssc:tailStream("in/*", { receivedLimit = %s }):print()\n' % value)
        once(2, ["job.lua:4: kafkaStream: receivedLimit %s, got %s" % (wanted, got)],
             'ssc:kafkaStream("t", { ["bootstrap.servers"] = "localhost:1" }, { receivedLimit = %s }):print()\n' % value)
    once(2, ["memoryLimit must be a size", "got a boolean"], "s:print()\n", ", memoryLimit = true")


def test_too_many_errors_have_one_remedy():
    error = once(1, ["map failed on 300 of 300 records", "correct the job or the data, or raise maxErrorRate", "sluice reset --skip"],
                 's:map(sluice.pair(1)):groupByKey():map(function(k) return k + {} end):saveAsTextFiles("out/a")\n', lines="".join("%d x\n" % i for i in range(300)))
    equal((error.count("next start"), error.count("reset --skip")), (1, 1), "remedies in " + error)


def test_a_quarantined_file_names_the_source_and_the_remedy():
    job(HEAD % "" + LINES + SAVE)
    os.makedirs("in")
    with open("in/a.gz", "wb") as file:
        file.write(b"\x1f\x8b\x08 nope")
    said(0, ["job.lua:3: textFileStream: file quarantined: unpacking in/a.gz: damaged at offset 4", "sluice replay takes it again"], "run", "job.lua", "--once")
    shutil.rmtree(".sluice")
    job(HEAD % ', onFileError = "stop"' + LINES + SAVE)
    error = said(1, ["job.lua:3: textFileStream: unpacking in/a.gz", "onFileError is \"stop\""], "run", "job.lua", "--once")
    check("file quarantined" not in error, "it was not: " + error)


def test_a_port_in_use_names_the_remedy():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        once(1, ["listening at %d: Address already in use" % port, "choose another port"], SAVE, ', metrics = "%d"' % port)


def test_types_have_their_article():
    job('local sluice = require "sluice"\nlocal ssc = sluice.StreamingContext { interval = 1 }\nssc:queueStream{{1}, 2}:print()\n')
    said(2, ["queueStream: item 2 must be a batch, a list of records; got an integer"], "check", "job.lua")
    once(0, ["withWatermark: the function returned a string; return the record's time in ms"],
         's:withWatermark(function(l) return l end, "1s"):map(sluice.pair(1)):eventWindow({ size = "5m" }):reduceByKey(sluice.sum):saveAsTextFiles("out/a")\n')


def test_a_list_in_place_of_a_pair_names_the_braces_everywhere():
    for op in ("mapValues(sluice.upper)", "keys()", "reduceByKey(sluice.sum)", "mapWithState(function(k, v, s) return k end)", "map(sluice.swap)"):
        once(0, ["a pair has a key and a value; the field is a list of 2: write return k, v without braces"],
             's:map(function(l) return { l, 1 } end):%s:saveAsTextFiles("out/a")\n' % op)


def test_a_record_that_is_too_long_names_the_option():
    once(0, ["line of more than 3 bytes (maxRecordBytes) (in/a:1)"], SAVE, ", maxRecordBytes = 3")


def test_columns_that_are_named_twice_are_refused():
    job(HEAD % "" + 'ssc:fileStream("in", { format = "csv", columns = { "a", "b", "a" } }):print()\n')
    os.makedirs("in")
    said(2, ['job.lua:3: fileStream: columns has the name "a" twice'], "check", "job.lua")


def test_sql_lists_the_tables_and_only_queries():
    once(2, ["no such table: stream", "the query has this"], 's:sql("SELECT word FROM stream"):print()\n')
    once(0, [], SAVE)
    said(2, ["only a query is accepted"], "query", "job.lua", "DELETE FROM batches")
    said(2, ["ask its views: batches, files, outputs"], "query", "job.lua", "SELECT * FROM batch")


def test_a_watched_path_that_is_a_file_says_what_is_wanted():
    job(HEAD % "" + LINES + SAVE)
    with open("in", "w"):
        pass
    said(2, ["job.lua:3: textFileStream: watched directory in: Not a directory; name the directory that the files are moved into"],
         "run", "job.lua", "--once")


def without_rights(*command):
    """As a user for whom modes count: root is not stopped by them."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    return subprocess.run([*drop, SLUICE, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S)


def test_missing_rights_name_what_needs_them():
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        skip("setpriv is not installed")
    job(HEAD % "" + LINES + SAVE)
    move_in("a", "x\n")
    for path, mode, words in ((".", 0o500, "Permission denied; give a directory that this user can write to: --checkpoint DIR"),
                              ("in", 0, "watched directory in: Permission denied; this user must be able to list it")):
        before = os.stat(path).st_mode & 0o777
        os.chmod(path, mode)
        done = without_rights("run", "job.lua", "--once")
        os.chmod(path, before)
        check(words in done.stderr and done.returncode in (1, 2), "%d: %s" % (done.returncode, done.stderr))


def test_tail_of_a_name_that_nothing_has_says_that_it_waits():
    once(0, [], SAVE)
    process = subprocess.Popen([SLUICE, "tail", "cuonts", "job.lua"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        check("neither a view nor an output is called cuonts; so far there are out/a; it is waited for" in line, line)
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)
        process.stderr.close()


def test_an_object_that_the_job_does_not_read_is_named_with_what_it_watches():
    once(0, [], SAVE)
    for command in (("why",), ("wait", "--timeout", "1s")):
        said(2, ["s3://bucket/a is in no directory that the job watches (it watches: in)"], command[0], "job.lua", *command[1:], "s3://bucket/a")


def test_options_that_would_do_nothing_are_refused():
    once(0, [], SAVE)
    said(2, ["--json and --metrics exclude each other"], "status", "job.lua", "--json", "--metrics")
    for ends in (["--once", "--batches", "2"], ["--once", "--available-now"]):
        said(2, ["%s and %s exclude each other" % (ends[0], ends[-2] if len(ends) > 2 else ends[-1])], "run", "job.lua", *ends)
    said(2, ["--max-lag is for --check"], "status", "job.lua", "--max-lag", "5s")
    said(2, ["--csv and --json exclude each other"], "query", "job.lua", "SELECT 1", "--json", "--csv")
    said(2, ["--by and --json exclude each other"], "deadletter", "job.lua", "--by", "message", "--json")
    said(2, ["--once and --every exclude each other"], "top", "job.lua", "--once", "--every", "5s")
    said(2, ["--once and --listen exclude each other"], "ui", "job.lua", "--once", "-", "--listen", "127.0.0.1:0")
    said(2, ["--workdir and --checkpoint exclude each other"], "mount", "--workdir", ".", "--checkpoint", ".sluice/job", "mnt")
    said(2, ["--dot and --json exclude each other"], "graph", "job.lua", "--dot", "--json")
    said(2, ["--yes and --skip exclude each other"], "reset", "job.lua", "--yes", "--skip", "1000")


def test_what_follows_two_dashes_is_an_operand_where_there_is_no_job_for_it():
    said(2, ['"-x" cannot name a job'], "init", "--", "-x")
    said(2, ["reading the job -x.lua"], "test", "--", "-x.lua")
    said(2, ["did you mean reduceByKey?"], "help", "--", "reduceByKye")
    said(2, ["x is one argument too many"], "version", "--", "x")


def test_wait_for_an_unknown_name_lists_the_views():
    once(0, [], 's:mount("lines")\n', ', mount = { dir = "mnt", kind = "dir" }')
    said(2, ["lins is in no directory that the job watches (it watches: in); its views are lines"], "wait", "job.lua", "lins", "--timeout", "1s")
    job(HEAD % "" + 'ssc:queueStream({ { "a" } }):saveAsTextFiles("out/b")\n', "queue.lua")
    sluice_ok("run", "queue.lua", "--clock", "virtual", "--batches", "1")
    said(2, ["x is in no directory that the job watches (it watches none)"], "why", "queue.lua", "x")


def test_a_page_that_cannot_be_written_is_named_as_given():
    once(0, [], SAVE)
    said(1, ["writing the page nowhere/x.html"], "ui", "job.lua", "--once", "nowhere/x.html")


def test_a_full_disk_is_the_reason_of_a_long_answer_too():
    """Of more bytes than stdio keeps, the first write fails long before the command ends."""
    once(0, [], "".join('s:saveAsTextFiles("out/%d", "txt")\n' % i for i in range(40)))
    with open("/dev/full", "w") as full:
        for command in (("status", "--json"), ("status", "--metrics")):
            done = subprocess.run([SLUICE, *command], stdout=full, stderr=subprocess.PIPE, text=True)
            equal((done.returncode, done.stderr), (1, "sluice: writing to the standard output: No space left on device\n"), " ".join(command))


COMMANDS = ("run", "check", "try", "graph", "test", "status", "why", "wait", "trace", "replay", "reset", "deadletter", "tail", "cat", "query", "top", "ui",
            "init", "help", "version", "move")


def test_no_command_takes_an_argument_that_is_empty_or_too_long_for_a_path():
    once(0, [], SAVE)
    before = sorted(os.listdir())
    for command in COMMANDS:
        said(2, ["sluice: %s: argument 1 is empty; sluice help %s" % (command, command)], command, "")
        if command != "query":
            said(2, ["sluice: %s: xxx" % command, "... has 5000 bytes; a name or path has at most 4095; sluice help %s" % command], command, "x" * 5000)
    said(2, ["No such file or directory; give the path of a Lua script"], "run", "/".join(["x" * 200] * 20) + ".lua")
    equal(sorted(os.listdir()), before, "what is here")


def test_a_job_that_cannot_be_read_says_what_is_wrong():
    os.mkdir("dir")
    job(HEAD % "" + LINES + SAVE, "closed.lua")
    os.chmod("closed.lua", 0)
    for command in ("run", "check", "try", "graph", "test", "move"):
        said(2, ["dir is not a regular file; give the path of a Lua script"], command, "dir")
    for command in COMMANDS[:-5]:
        first, last = ("x",) if command in ("tail", "cat") else (), ("x",) if command in ("why", "wait", "trace", "query") else ()
        said(2, ["reading the job none.lua: No such file or directory; give the path of a Lua script\n"], command, *first, "none.lua", *last)
        if os.geteuid() != 0 or shutil.which("setpriv"):
            done = without_rights(command, *first, "closed.lua", *last)
            equal((done.returncode, "reading the job closed.lua: Permission denied; this user must be able to read it\n" in done.stderr), (2, True),
                  command + ": " + done.stderr)


def test_a_checkpoint_that_is_none_is_named():
    os.mkdir("dir")
    pathlib.Path("file").write_text("x")
    pathlib.Path("dir/kept").write_text("x")
    for command in (("status",), ("status", "--json"), ("status", "--check"), ("why", "x"), ("wait", "x"), ("trace", "x"), ("replay",), ("deadletter",), ("tail", "x"),
                    ("cat", "x"), ("query", "SELECT 1"), ("top", "--once"), ("ui",), ("ui", "--once", "-"), ("reset", "--yes"), ("reset", "--skip", "1000")):
        for path in ("dir", "file", "file/x", "none"):
            said(2, ["%s is no checkpoint: it " % path], *command, "--checkpoint", path)
    equal(sorted(os.listdir("dir")), ["kept"], "what the directory holds")


def test_a_checkpoint_of_another_user_is_there_and_named():
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        skip("setpriv is not installed")
    once(0, [], SAVE)
    os.chmod(".sluice/job", 0)
    for command in (("status",), ("status", "--json"), ("why", "in/a"), ("wait", "in/a"), ("trace", "in/a"), ("replay",), ("reset", "--skip", "1000"),
                    ("tail", "out/a"), ("cat", "a"), ("query", "SELECT 1"), ("top",), ("ui", "--once", "-"), ("mount", "mnt"), ("deadletter",)):
        for words in ((), ("--checkpoint", ".sluice/job")):
            done = without_rights(*command, *words)
            told = " .sluice/job/catalog.db: Permission denied; a checkpoint is for the user who runs the job only\n" in done.stderr
            equal((done.returncode, told), (1, True), " ".join(command) + ": " + done.stderr)
    os.chmod(".sluice/job", 0o700)


def test_no_path_and_no_address_is_empty():
    """--set checkpoint=$DIR of a script whose variable is not set would keep the checkpoint beside the job."""
    job(HEAD % "" + LINES + SAVE)
    os.makedirs("in")
    for option in ("checkpoint", "mount"):
        said(2, ['--set %s must be a path, got ""' % option], "run", "job.lua", "--once", "--set", option + "=")
        job(HEAD % (', %s = ""' % option) + LINES + SAVE, "other.lua")
        said(2, ["other.lua:2: %s must be a path" % option], "run", "other.lua", "--once")
    said(2, ['metrics must be a port, or an address such as "127.0.0.1:9464"'], "run", "job.lua", "--once", "--set", "metrics=")
    job(HEAD % "" + LINES + 's:name(""):print()\n', "other.lua")
    said(2, ["other.lua:4: name: the name must not be empty"], "check", "other.lua")
    equal(sorted(os.listdir()), ["in", "job.lua", "other.lua"], "what is here")


def test_init_names_what_is_in_its_way():
    pathlib.Path("file").write_text("x")
    said(2, ["file is there and is no directory; choose another name"], "init", "file")
    os.makedirs("made")
    pathlib.Path("made/in").write_text("x")
    said(2, ["made/in is there and is no directory"], "init", "made")
    said(2, ["making none/made: No such file or directory; name a directory in one that exists and that this user can write to"], "init", "none/made")


def test_a_message_is_one_line_whatever_a_file_is_called():
    """Else who drops files could write lines of the log."""
    name = "z\nsluice: all is well.gz"
    job(HEAD % ', onFileError = "stop"' + LINES + SAVE)
    move_in(name, "x")
    error = said(1, ["in/z\\x0Asluice: all is well.gz"], "run", "job.lua", "--once")
    equal(error.count("\n"), 1, "lines of " + error)
    job(HEAD % "" + LINES + SAVE)
    said(0, ["in/z\\x0Asluice: all is well.gz"], "run", "job.lua", "--once")
    for command in ("wait", "why"):
        done = sluice(command, "job.lua", "in/" + name)
        equal((done.stdout + done.stderr).count("\n"), 1, command + ": " + done.stdout + done.stderr)
    equal(said(2, ["no\\x0Asuch"], "cat", "no\nsuch", "job.lua").count("\n"), 1, "lines")


def test_arguments_too_many_point_to_help():
    once(0, [], SAVE)
    said(2, ["x is one argument too many; sluice help"], "status", "job.lua", "x")
    said(2, ["x is one argument too many; sluice help version"], "version", "x")
    said(2, ["which view? give its name, then the job"], "cat", "job.lua")
    said(2, ["which job? give the path JOB.lua"], "check")


main(globals())
