#!/usr/bin/env python3
"""Every Python file is as autopep8 leaves it: white space, indentation and blank lines, by the options of .pep8."""
import shutil, subprocess, sys
import source

if not shutil.which("autopep8"):
    print("autopep8 is not installed")
    sys.exit(77)
paths = [path for path in source.files() if path.suffix == ".py" or
         (not path.suffix and source.text(path)[:40].startswith("#!/usr/bin/env python3"))]
done = subprocess.run(["autopep8", "--diff", *map(str, paths)], cwd=source.ROOT, stdout=subprocess.PIPE, text=True, check=True)
wrong = [line.split("/", 1)[1] for line in done.stdout.splitlines() if line.startswith("--- original/")]
source.report(["%s: run autopep8 --in-place" % path for path in wrong])
