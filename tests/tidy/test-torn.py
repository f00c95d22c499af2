#!/usr/bin/env python3
"""What a formatter that does not understand the text leaves behind, and what makes it misunderstand.

No comment ends on a line of its own, no line of a comment's paragraph is left over from one that was too long, no
string literal is cut for its length into pieces smaller than a line, no declaration is cut from its type, and no
identifier is a keyword of C++: clang-format reads C as C++ and takes `operator` or `new` for what it is there, and
programs in C++ could not include a header that has one.
"""
import re
import source

KEYWORDS = """
    and and_eq asm bitand bitor catch char8_t char16_t char32_t class compl concept const_cast
    consteval constexpr constinit co_await co_return co_yield decltype delete dynamic_cast explicit export friend
    mutable namespace new noexcept not not_eq operator or or_eq private protected public reinterpret_cast
    requires static_cast template this thread_local throw try typeid typename using virtual
    xor xor_eq""".split()
KEYWORD = re.compile(r"\b(%s)\b" % "|".join(KEYWORDS))
COMMENT = re.compile(r"/\*.*?\*/", re.S)
PREPROCESSOR = re.compile(r"^[ \t]*#(?:.*\\\n)*.*$", re.M)
FOR_CPLUSPLUS = re.compile(r"^#ifdef __cplusplus\n.*?^#endif$", re.M | re.S)
PIECE = r'"(?:\\.|[^"\\\n])*"'
CHAIN = re.compile(r"%s(?:[ \t]*\n[ \t]*%s)+" % (PIECE, PIECE))
TORN_TYPE = re.compile(r"^[ \t]*(?:const )?(?:struct|union|enum)(?: \w+)?[ \t]*$", re.M)
SHORT = 30


def line_of(code, at):
    return code.count("\n", 0, at) + 1


def emptied(code, pattern):
    """The same lines without what the pattern finds."""
    return pattern.sub(lambda match: "\n" * match.group(0).count("\n"), code)


def lonely_ends(code):
    for number, line in enumerate(code.split("\n"), 1):
        if line.strip() == "*/":
            yield number, "a comment ends on a line of its own: end it on the line before"


def left_over(code):
    """A short line in the middle of a sentence, where the one before it was full."""
    for match in COMMENT.finditer(code):
        lines = [line.strip() for line in match.group(0).split("\n")]
        for at in range(1, len(lines) - 1):
            words, following = lines[at], lines[at + 1]
            if re.fullmatch(r"\* [\w,' ]{1,18}", words) and re.match(r"\* [a-z_]", following) and len(lines[at - 1]) > 90:
                yield line_of(code, match.start()) + at, "a line that was left over: fill the paragraph again"


def is_torn(pieces):
    """A help text has a piece per line; a sentence has pieces that fill the line."""
    if any(piece.endswith('\\n"') for piece in pieces[:-1]):
        return any(piece.endswith(' "') for piece in pieces[:-1])
    return any(before.endswith(' "') and len(piece) < SHORT for before, piece in zip(pieces, pieces[1:-1]))


def torn_literals(code):
    bare = emptied(code, COMMENT)
    for match in CHAIN.finditer(bare):
        if is_torn(re.findall(PIECE, match.group(0))):
            yield line_of(bare, match.start()), "a string literal cut into small pieces: a line of text is one piece"


def torn_declarations(code):
    for match in TORN_TYPE.finditer(source.bare(code)):
        yield line_of(code, match.start()), "a declaration cut from its type: put its comment above it"


def keywords(code):
    code = emptied(emptied(source.bare(code), FOR_CPLUSPLUS), PREPROCESSOR)
    for match in KEYWORD.finditer(code):
        yield line_of(code, match.start()), "%s is a keyword of C++: choose another name" % match.group(1)


def complaints(path):
    code = source.text(path)
    for check in (lonely_ends, left_over, torn_literals, torn_declarations, keywords):
        for line, what in check(code):
            yield "%s:%d: %s" % (path, line, what)


source.report([wrong for path in source.files(".c", ".h") for wrong in complaints(path)])
