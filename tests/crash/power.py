"""What a loss of power may leave of a traced run (disk.c), on the weakest file system that POSIX allows.

Bytes of a file are there for certain once the file was synced after they were written, names in a directory once the
directory was; that a file is synced does not save its name. What was not synced is there, is not there, or, of a write,
is there by half; each on its own and in any order. A rename within a directory is one change of that directory.
"""


class Op:
    """One change of one inode. `synced`: the position in the trace from which it is there for certain."""

    def __init__(self, at, inode, kind, *args):
        self.at, self.inode, self.kind, self.args, self.synced = at, inode, kind, args, None


class Inode:
    def __init__(self, kind):
        self.kind, self.pending, self.now = kind, [], {}  # now: names of a directory, as the process saw them


class Trace:
    """ops, and steps [(position, time, name)]. `skips(path)`: syncs that a mutant leaves out."""

    def __init__(self, lines, skips=lambda path, step: False):
        self.root, self.ops, self.steps, self.skips = Inode("dir"), [], [], skips
        for at, line in enumerate(lines):
            what, *args = line.rstrip("\n").split("\t")
            getattr(self, "do_" + what)(at, *args)
        self.length = len(lines)

    def find(self, path):
        """(directory, name, inode), of which the last may be None."""
        directory, names = self.root, [] if path == "." else path.split("/")
        for name in names[:-1]:
            directory = directory.now[name]
        return (directory, names[-1], directory.now.get(names[-1])) if names else (None, "", self.root)

    def change(self, at, inode, kind, *args):
        op = Op(at, inode, kind, *args)
        inode.pending.append(op)
        self.ops.append(op)

    def add(self, at, path, inode):
        directory, name, _ = self.find(path)
        directory.now[name] = inode
        self.change(at, directory, "names", {name: inode})

    def do_step(self, at, time, name):
        self.steps.append((at, int(time), name))

    def do_create(self, at, path):
        self.add(at, path, Inode("file"))

    def do_mkdir(self, at, path):
        self.add(at, path, Inode("dir"))

    def do_symlink(self, at, path, target):
        link = Inode("link")
        link.target = target
        self.add(at, path, link)

    def do_unlink(self, at, path):
        directory, name, _ = self.find(path)
        del directory.now[name]
        self.change(at, directory, "names", {name: None})

    def do_rename(self, at, path, new):
        directory, name, inode = self.find(path)
        there, new_name, _ = self.find(new)
        assert there is directory, "a rename to another directory"
        del directory.now[name]
        directory.now[new_name] = inode
        self.change(at, directory, "names", {name: None, new_name: inode})

    def do_write(self, at, path, offset, data):
        self.change(at, self.find(path)[2], "write", int(offset), bytes.fromhex(data))

    def do_truncate(self, at, path, size):
        self.change(at, self.find(path)[2], "truncate", int(size))

    def do_sync(self, at, path):
        inode = self.find(path)[2]
        if self.skips(path, self.steps[-1][2] if self.steps else ""):
            return
        for op in inode.pending:
            op.synced = at
        inode.pending = []

    def steps_before(self, at):
        return [(time, name) for position, time, name in self.steps if position < at]

    def changes(self):
        """Positions after which a loss of power leaves something else than before."""
        return sorted({op.at + 1 for op in self.ops} | {op.synced + 1 for op in self.ops if op.synced is not None})

    def state(self, at, choose):
        """What lies on the disk after the first `at` lines: name -> bytes, ("link", target), or a dict of these.

        choose(op) says of what is not certain: 0 is not there, 1 by half, 2 is there."""
        names, data = {}, {}
        for op in self.ops:
            if op.at >= at:
                break
            certain = op.synced is not None and op.synced < at
            apply(op, 2 if certain else choose(op), names, data)
        return tree(self.root, names, data)


def apply(op, how_much, names, data):
    if op.kind == "names" and how_much:
        names.setdefault(op.inode, {}).update(op.args[0])
    elif op.kind == "truncate" and how_much:
        content = data.setdefault(op.inode, bytearray())
        del content[op.args[0]:]
        content.extend(bytes(op.args[0] - len(content)))
    elif op.kind == "write" and how_much:
        offset, written = op.args
        written = written[:len(written) // 2] if how_much == 1 else written
        content = data.setdefault(op.inode, bytearray())
        content.extend(bytes(max(0, offset + len(written) - len(content))))
        content[offset:offset + len(written)] = written


def tree(inode, names, data):
    if inode.kind == "file":
        return bytes(data.get(inode, b""))
    if inode.kind == "link":
        return ("link", inode.target)
    return {name: tree(child, names, data) for name, child in names.get(inode, {}).items() if child}
