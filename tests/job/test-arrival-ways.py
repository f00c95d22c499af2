#!/usr/bin/env python3
# presets: release asan tsan
"""However a file comes into a watched directory, it is taken once; `sluice why` says so. A claim per row of the manual."""
import os, pathlib, signal
from arrivals import *


@row("was there before the start")
def test_what_was_there_is_taken_in_name_order():
    for name in ("b", "a", "c"):
        move_in(name, name + "\n")
    lines_job()
    with open("in/written", "w") as writer:
        writer.write("half")
        writer.flush()
        once()
        equal(rows(), ["a", "b", "c"], "the rows")
        explains("a", "taken in batch")
        explains("written", "being written")
    once()
    equal(rows(), ["a", "b", "c", "half"], "the rows after the writer closed")


@row("was there before the start")
def test_what_was_there_is_left_where_only_new_files_are_wanted():
    move_in("old", "old\n")
    with Watching("newFilesOnly = true") as run:
        run.pass_by()
        explains("old", "newFilesOnly")
        run.stop_with("later")


@row("is renamed in")
def test_renamed_in_by_one_who_writes_it_still():
    with Watching() as run:
        os.makedirs("making")
        with open("making/a", "w") as writer:
            writer.write("a\n")
            writer.flush()
            os.rename("making/a", "in/a")
            run.wait_for("a")
        run.wait_why("a", "taken in batch")
        run.pass_by()
        run.stop_with("a", "later")


@row("is renamed inside the directory")
def test_renamed_inside_the_directory():
    with Watching() as run:
        run.feed("a")
        os.rename("in/a", "in/b")
        run.wait_until(lambda: rows() == ["a", "a"], "the row under the new name")
        run.wait_why("b", "taken in batch")
        run.stop_with("a", "a")


@row("is exchanged (`renameat2`) for one outside")
def test_exchanged():
    with Watching() as run:
        run.feed("a", "one")
        pathlib.Path("making/a").write_text("two\n")
        rename_exchange("making/a", "in/a")
        run.wait_for("two")
        run.wait_why("a", "taken in batch %d" % output_times("out/rows")[-1])
        run.pass_by()
        run.stop_with("one", "two", "later")


@row("is hard-linked in")
def test_linked():
    with Watching() as run:
        pathlib.Path("outside").write_text("one\n")
        os.link("outside", "in/a")
        run.wait_for("one")
        os.link("outside", "in/b")
        run.wait_until(lambda: rows() == ["one", "one"], "the row of the second link")
        run.wait_why("a", "taken in batch %d" % output_times("out/rows")[0])
        run.wait_why("b", "taken in batch %d" % output_times("out/rows")[1])
        run.pass_by()
        run.stop_with("one", "one", "later")


@row("is made without a name (`O_TMPFILE`) and linked in")
def test_made_without_a_name():
    with Watching() as run:
        try:
            fd = os.open("in", os.O_TMPFILE | os.O_WRONLY, 0o644)
        except OSError as error:
            skip("O_TMPFILE: " + error.strerror)
        os.write(fd, b"a\n")
        run.pass_by("first")
        links_to_open_file(fd, "in/a")
        os.close(fd)
        run.wait_for("a")
        run.wait_why("a", "taken in batch")
        run.stop_with("first", "a")


@row("is written in place")
def test_written_slowly():
    with Watching() as run:
        with open("in/a", "w") as writer:
            writer.write("half")
            writer.flush()
            run.pass_by()
            explains("a", "being written")
            writer.write("way\n")
        run.wait_for("halfway")
        run.wait_why("a", "taken in batch")
        run.stop_with("later", "halfway")


@row("is found by a scan while it is being written")
def test_found_by_a_scan_while_it_is_written():
    with Watching('watch = "poll", pollInterval = "50ms"') as run:
        with open("in/a", "w") as writer:
            writer.write("half")
            writer.flush()
            run.pass_by()
            explains("a", "being written")
            writer.write("way\n")
        run.wait_for("halfway")
        run.stop_with("later", "halfway")


@row("is empty")
def test_empty():
    with Watching() as run:
        move_in("a", "")
        run.wait_why("a", "taken in batch")
        run.pass_by()
        run.stop_with("later")


@row("is appended to or changed after it was taken")
def test_appended_after_it_was_taken():
    with Watching() as run:
        run.feed("a")
        for _ in range(3):
            with open("in/a", "a") as writer:
                writer.write("more\n")
        run.pass_by()
        run.wait_said("in/a: changed after it was taken")
        equal(sum("in/a: changed" in message for message in run.messages()), 1, "times it was said")
        run.wait_why("a", "changed since")
        run.stop_with("a", "later")
    equal(json.loads(read(".sluice/job/status.json"))["sources"][0]["changed_after_taken"], 1, "counted")


@row("is replaced before it was taken")
def test_replaced_before_it_was_taken():
    with Watching('complete = "%.done"') as run:
        for text in ("one\n", "two\n", "three\n"):
            move_in("a", text)
        explains("a", "waiting for its marker a.done")
        move_in("a.done", "")
        run.wait_for("three")
        run.stop_with("three")


@row("is replaced after it was taken")
def test_replaced_after_it_was_taken():
    with Watching() as run:
        for count in (1, 2, 3):
            move_in("a", "same\n")
            run.wait_until(lambda: rows() == ["same"] * count, "row %d" % count)
        run.wait_said("in/a: a new file of this name: a new arrival")
        run.pass_by()
        run.stop_with("same", "same", "same", "later")


@row("is moved away and in again, or deleted and made again")
def test_moved_away_and_in_again():
    with Watching() as run:
        run.feed("a")
        os.rename("in/a", "making/a")
        run.pass_by()
        os.rename("making/a", "in/a")
        run.wait_until(lambda: rows().count("a") == 2, "the row once more")
        os.remove("in/a")
        pathlib.Path("in/a").write_text("new\n")
        run.wait_for("new")
        run.stop_with("a", "later", "a", "new")


@row("is moved away and in again, or deleted and made again")
def test_moved_away_and_back_while_no_run_watches():
    lines_job()
    move_in("a", "a\n")
    once()
    os.rename("in/a", "making/a")
    os.rename("making/a", "in/a")
    once()
    equal(rows(), ["a"], "the rows")
    explains("a", "taken in batch")


@row("vanishes before it was taken")
def test_vanished_before_it_was_taken():
    with Watching('complete = "%.done"') as run:
        move_in("a", "never\n")
        os.remove("in/a")
        move_in("a.done", "")
        move_in("later.done", "")
        os.utime("in/later.done", (2**32, 2**32))  # a marker must not be older than its file
        run.pass_by()
        explains("a", "no such file")
        run.stop_with("later")
    equal(json.loads(sluice_ok("status", "--json").stdout)["quarantined"], 0, "files quarantined")


@row("vanishes or is replaced after it was taken, before it was read")
def test_vanished_or_replaced_before_it_was_read():
    lines_job(context="workers = 1", chain=':pipe({ "sh", "-c", "cat; rm -f in/y; test ! -e new || mv new in/z" })')
    for name in ("a", "y", "z"):
        move_in(name, name + "\n")
    pathlib.Path("new").write_text("new\n")
    once()
    equal(rows(), ["a"], "the rows")
    explains("y", "quarantined", "No such file or directory")
    explains("z", "queued")
    pathlib.Path("in/y").write_text("again\n")
    explains("y", "queued")
    lines_job(context="workers = 1")
    once()
    equal(rows(), ["a", "again", "new"], "the rows after another run")
    explains("y", "taken in batch")
    explains("z", "taken in batch")


@row("shrinks while it is read")
def test_shrunk_while_it_is_read():
    lines_job(context="workers = 1", chain=':pipe({ "sh", "-c", "cat; truncate -s 1 in/z" })')
    move_in("a", "a\n")
    move_in("z", "never\n")
    once()
    equal(rows(), ["a"], "the rows")
    explains("z", "quarantined", "shrank from 6 to 1 bytes")


@row("is unreadable")
def test_unreadable():
    lines_job()
    move_in("a", "a\n")
    move_in("b", "b\n")
    os.chmod("in/a", 0)
    done = once(prefix=without_rights())
    equal(rows(), ["b"], "the rows\n" + done.stderr)
    explains("a", "quarantined", "Permission denied")
    os.chmod("in/a", 0o644)
    explains("a", "quarantined")
    sluice_ok("replay", "job.lua")
    once()
    equal(rows(), ["b", "a"], "the rows after it was mended and replayed")
    explains("a", "taken in batch")


@row("is unreadable")
def test_unreadable_directories():
    lines_job()
    for name in ("closed", "listless"):
        os.makedirs("making/" + name)
        pathlib.Path("making", name, "part").write_text(name + "\n")
        pathlib.Path("making", name, "_SUCCESS").touch()
        os.rename("making/" + name, "in/" + name)
    os.chmod("in/closed", 0)
    os.chmod("in/listless", 0o300)
    move_in("a", "a\n")
    done = once(prefix=without_rights())
    equal(rows(), ["a"], "the rows\n" + done.stderr)
    for name in ("closed", "listless"):
        check("in/%s: this may not be read" % name in done.stderr, "%s is told of\n%s" % (name, done.stderr))
        os.chmod("in/" + name, 0o755)
    once()
    equal(rows(), ["a", "closed", "listless"], "the rows when they may be read")
    os.chmod("in/closed", 0)
    once(prefix=without_rights())
    os.chmod("in/closed", 0o755)
    once()
    equal(rows(), ["a", "closed", "listless"], "the rows when a taken one was closed for a while")


@row("is a symlink, FIFO, socket or device")
def test_irregular():
    import socket
    pathlib.Path("outside").write_text("never\n")
    with Watching() as run:
        os.symlink("../outside", "in/link")
        os.mkfifo("in/fifo")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("in/socket")
        names = ["link", "fifo", "socket"]
        try:
            os.mknod("in/device", 0o600 | 0o020000, os.makedev(1, 5))
            names.append("device")
        except PermissionError:
            pass  # as root only
        run.pass_by()
        for name in names:
            explains(name, "not a regular file")
        run.stop_with("later")
    equal(json.loads(read(".sluice/job/status.json"))["sources"][0]["irregular"], len(names), "counted")


@row("was restored from a backup, or copied back")
def test_restored_from_a_backup():
    lines_job()
    for name in ("a", "b"):
        move_in(name, name + "\n")
    once()
    shutil.copytree("in", "backup", copy_function=shutil.copy2)
    shutil.rmtree("in")
    os.rename("backup", "in")
    done = once()
    equal(rows(), ["a", "b", "a", "b"], "the rows")
    check("in/a: a new file of this name: a new arrival" in said(done.stderr), "the log says so: %s" % said(done.stderr))


@row("is on a disk that has another device number since, as after a reboot")
def test_device_numbers_do_not_count():
    if os.getuid():
        skip("mounting asks for root")
    lines_job()
    with open("disk", "wb") as disk:
        disk.truncate(8 << 20)
    numbers = set()
    try:
        subprocess.run(["mkfs.ext4", "-q", "-I", "256", "disk"], check=True, stderr=subprocess.PIPE)
        devices = [subprocess.run(["losetup", "-f", "--show", path], check=True, stdout=subprocess.PIPE, text=True,
                                  stderr=subprocess.PIPE).stdout.strip() for path in ("disk", "disk")]
    except (OSError, subprocess.CalledProcessError) as error:
        skip("no disk image: %s" % error)
    try:
        for number, device in enumerate(devices):
            if subprocess.run(["mount", device, "in"], stderr=subprocess.DEVNULL).returncode:
                skip("mounting a disk image is not possible here")
            numbers.add(os.stat("in").st_dev)
            pathlib.Path("in", "new%d" % number).write_text("%d\n" % number)
            done = once()
            subprocess.run(["umount", "in"], check=True)
    finally:
        subprocess.run(["losetup", "-d", *devices])
    equal((rows(), len(numbers)), (["0", "1"], 2), "the rows and the device numbers\n" + done.stderr)


main(globals())
