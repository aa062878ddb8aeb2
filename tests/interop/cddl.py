"""Checks CBOR files against one rule each of the CDDL (RFC 8610) in a Markdown page.

Knows the part of CDDL that the page uses: arrays, choices, names, numbers, ranges, `* x`, `? x`, `bstr .size n`, `uint .size n`,
`text`, `text .regexp "…"`, `bool`, `null`. (pycddl 0.6 judges choices inside nested arrays wrongly.)

usage: cddl.py PAGE RULE=FILE...
Exits 0 when all files follow their rules, 1 with the first that does not.
"""

import re
import sys

import cbor2

TOKEN = re.compile(r'\s*(?:;[^\n]*\n|("(?:[^"]*)"|\.\.|\.[a-z]+|[A-Za-z][\w-]*|\d+|[\[\]=:,/*?]))')


class Reader:
    """Tokens of the page's rules."""

    def __init__(self, text):
        self.tokens, at = [], 0
        text = text.rstrip() + "\n"
        while at < len(text.rstrip()):
            match = TOKEN.match(text, at)
            if not match:
                sys.exit(f"the page cannot be read at: {text[at:at + 40]!r}")
            at = match.end()
            if match.group(1):
                self.tokens.append(match.group(1))
        self.at = 0

    def peek(self, ahead=0):
        place = self.at + ahead
        return self.tokens[place] if place < len(self.tokens) else None

    def take(self, wanted=None):
        token = self.peek()
        if wanted is not None and token != wanted:
            sys.exit(f"the page says {token!r} where {wanted!r} belongs")
        self.at += 1
        return token

    def rules(self):
        found = {}
        while self.peek() is not None:
            name = self.take()
            self.take("=")
            found[name] = self.choice()
        return found

    def choice(self):
        options = [self.one()]
        while self.peek() == "/":
            self.take()
            options.append(self.one())
        return ("choice", options) if len(options) > 1 else options[0]

    def one(self):
        token = self.take()
        if token == "[":
            return self.array()
        if token.isdigit():
            if self.peek() == "..":
                self.take()
                return ("range", int(token), int(self.take()))
            return ("value", int(token))
        if self.peek() in (".size", ".regexp"):
            control, bound = self.take(), self.take()
            return (token + control, bound.strip('"'))
        return ("name", token)

    def array(self):
        entries = []
        while self.peek() != "]":
            times = self.take() if self.peek() in ("*", "?") else "1"
            if self.peek(1) == ":":
                self.take()
                self.take(":")
            entries.append((times, self.choice()))
            if self.peek() == ",":
                self.take()
        self.take("]")
        return ("array", entries)


def fits(rules, kind, value):
    """Whether a decoded value follows a rule."""
    number = isinstance(value, int) and not isinstance(value, bool)
    match kind:
        case ("choice", options):
            return any(fits(rules, option, value) for option in options)
        case ("value", wanted):
            return number and value == wanted
        case ("range", least, most):
            return number and least <= value <= most
        case ("bstr.size", size):
            return isinstance(value, bytes) and len(value) == int(size)
        case ("uint.size", size):
            return number and 0 <= value < 256 ** int(size)
        case ("text.regexp", pattern):
            return isinstance(value, str) and re.fullmatch(pattern, value) is not None
        case ("array", entries):
            return isinstance(value, list) and all_fit(rules, entries, value)
        case ("name", "uint"):
            return number and value >= 0
        case ("name", "bstr"):
            return isinstance(value, bytes)
        case ("name", "text"):
            return isinstance(value, str)
        case ("name", "bool"):
            return isinstance(value, bool)
        case ("name", "null"):
            return value is None
        case ("name", name):
            return fits(rules, rules[name], value)
    sys.exit(f"the page uses {kind}, which this program does not know")


def all_fit(rules, entries, values):
    """Whether the entries of an array follow its rule."""
    if not entries:
        return not values
    (times, kind), rest = entries[0], entries[1:]
    first = bool(values) and fits(rules, kind, values[0])
    match times:
        case "*":
            return (first and all_fit(rules, entries, values[1:])) or all_fit(rules, rest, values)
        case "?":
            return (first and all_fit(rules, rest, values[1:])) or all_fit(rules, rest, values)
    return first and all_fit(rules, rest, values[1:])


def main():
    page, *samples = sys.argv[1:]
    with open(page, encoding="utf-8") as file:
        text = "\n".join(re.findall(r"^```cddl\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL))
    rules = Reader(text).rules()
    for sample in samples:
        rule, path = sample.split("=", 1)
        with open(path, "rb") as file:
            value = cbor2.load(file)
        if not fits(rules, ("name", rule), value):
            print(f"{rule}: {value}")
            sys.exit(1)


main()
