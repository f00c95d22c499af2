"""TCP ports that a test may give to a server or to the program, and that nobody else takes before they listen there."""
import contextlib, fcntl, os, random, socket

DIRECTORY = "/tmp/sluice-test-ports-%d" % os.getuid()  # the same for all test processes
FIRST, LAST = 10000, 31999  # the kernel gives the ports above to clients, which would take them while nobody listens
_held = []  # locks: until this process ends


def _lock(port, stack):
    held = stack.enter_context(open("%s/%d" % (DIRECTORY, port), "a"))
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with socket.socket() as probe:
        probe.bind(("", port))


def free_port(count=1):
    """The first of `count` in a row. They are not given out again while this process lives."""
    os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
    while True:
        first = random.randrange(FIRST, LAST + 1 - count)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            for port in range(first, first + count):
                _lock(port, stack)
            _held.append(stack.pop_all())
            return first
