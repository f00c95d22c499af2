#!/usr/bin/env python3
"""What is written is registered: every descriptor of an operator, built-in, reader, format or command is in a list,
docs/man/sluice.1.md names every command (docs/ARCHITECTURE.md, "To add something"), and debian/control every library that
tools/deps installs for the build."""
import re
import source

DESCRIPTOR = re.compile(r"^const struct (sl_op|sl_builtin|sl_reader|sl_format|sl_command) (sl_\w+) = ", re.M)
MACROS = {"sl_op_": "OPERATOR(%s)", "sl_native_": "BUILTIN(%s)"}
COMMAND = re.compile(r'\.name = "(\w+)"')

texts = {str(path): source.text(path) for path in source.files(".c", ".def")
         if path.parts[0] not in ("tests", "examples")}
overview = source.text("docs/man/sluice.1.md")


def is_listed(path, symbol):
    """In the list of ops/, or taken by another file: the list of its room."""
    for prefix, macro in MACROS.items():
        if symbol.startswith(prefix) and any(macro % symbol[len(prefix):] in text for text in texts.values()):
            return True
    return any(re.search(r"&%s\b" % symbol, text) for other, text in texts.items() if other != path)


def complaints():
    for path, text in texts.items():
        for kind, symbol in DESCRIPTOR.findall(text):
            if not is_listed(path, symbol):
                yield "%s: %s is in no list" % (path, symbol)
            name = COMMAND.search(text)
            is_hidden = ".hidden = true" in text
            if kind == "sl_command" and name and not is_hidden and "**sluice %s**" % name.group(1) not in overview:
                yield "docs/man/sluice.1.md: sluice %s is missing" % name.group(1)
    needed = set(re.findall(r"\b[\w.-]+-dev\b", source.text("tools/deps"))) - {"libcmocka-dev", "libclang-rt-14-dev"}  # for tests
    declared = re.search(r"^Build-Depends: (.*)$", source.text("debian/control"), re.M).group(1)
    for package in sorted(needed - set(re.findall(r"[\w.-]+-dev\b", declared))):
        yield "debian/control: Build-Depends lacks %s, which tools/deps installs" % package


source.report(list(complaints()))
