"""What single letters and pairs of them stand for in C++ names.

Source: the Itanium C++ ABI, "External Names (a.k.a. Mangling)".
"""

from __future__ import annotations

from typing import Final

BUILTIN: Final = {
    "v": "void",
    "w": "wchar_t",
    "b": "bool",
    "c": "char",
    "a": "signed char",
    "h": "unsigned char",
    "s": "short",
    "t": "unsigned short",
    "i": "int",
    "j": "unsigned int",
    "l": "long",
    "m": "unsigned long",
    "x": "long long",
    "y": "unsigned long long",
    "n": "__int128",
    "o": "unsigned __int128",
    "f": "float",
    "d": "double",
    "e": "long double",
    "g": "__float128",
    "z": "...",
}
LONGER: Final = {
    "d": "decimal64",
    "e": "decimal128",
    "f": "decimal32",
    "h": "half",
    "i": "char32_t",
    "s": "char16_t",
    "u": "char8_t",
    "a": "auto",
    "c": "decltype(auto)",
    "n": "decltype(nullptr)",
}
"""Behind a `D`."""
SUFFIXES: Final = {
    "int": "",
    "unsigned int": "u",
    "long": "l",
    "unsigned long": "ul",
    "long long": "ll",
    "unsigned long long": "ull",
}
"""Of numbers, which say their type."""
STANDARD: Final = {
    "a": "std::allocator",
    "b": "std::basic_string",
    "s": "std::string",
    "i": "std::istream",
    "o": "std::ostream",
    "d": "std::iostream",
}
"""Behind an `S`."""
WHOLE: Final = {
    "s": "std::basic_string<char, std::char_traits<char>, std::allocator<char> >",
    "i": "std::basic_istream<char, std::char_traits<char> >",
    "o": "std::basic_ostream<char, std::char_traits<char> >",
    "d": "std::basic_iostream<char, std::char_traits<char> >",
}
"""The same where a constructor or destructor follows."""
SPECIAL: Final = {
    "TV": "vtable for ",
    "TT": "VTT for ",
    "TI": "typeinfo for ",
    "TS": "typeinfo name for ",
    "TF": "typeinfo fn for ",
    "TA": "template parameter object for ",
}
"""What a type follows, or a template's argument."""
OF_NAMES: Final = {
    "GV": "guard variable for ",
    "TH": "TLS init function for ",
    "TW": "TLS wrapper function for ",
    "GTt": "transaction clone for ",
    "GTn": "non-transaction clone for ",
}
UNARY: Final = {
    "ps": "+",
    "ng": "-",
    "ad": "&",
    "de": "*",
    "co": "~",
    "nt": "!",
}
AROUND: Final = {"pp": "++", "mm": "--"}
"""Before an operand (`pp_`) or behind it (`pp`)."""
BINARY: Final = {
    "pl": "+",
    "mi": "-",
    "ml": "*",
    "dv": "/",
    "rm": "%",
    "an": "&",
    "or": "|",
    "eo": "^",
    "aS": "=",
    "pL": "+=",
    "mI": "-=",
    "mL": "*=",
    "dV": "/=",
    "rM": "%=",
    "aN": "&=",
    "oR": "|=",
    "eO": "^=",
    "ls": "<<",
    "rs": ">>",
    "lS": "<<=",
    "rS": ">>=",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "gt": ">",
    "le": "<=",
    "ge": ">=",
    "ss": "<=>",
    "aa": "&&",
    "oo": "||",
    "cm": ",",
    "pm": "->*",
    "ds": ".*",
}
OTHER: Final = {
    "nw": " new",
    "na": " new[]",
    "dl": " delete",
    "da": " delete[]",
    "pt": "->",
    "cl": "()",
    "ix": "[]",
    "qu": "?",
    "aw": " co_await",
}
"""What has operators of its own kind as expressions."""
OPERATORS: Final = UNARY | AROUND | BINARY | OTHER
CASTS: Final = {"dc": "dynamic_cast", "sc": "static_cast", "cc": "const_cast", "rc": "reinterpret_cast"}
OF_TYPES: Final = {"st": "sizeof (", "at": "alignof (", "ti": "typeid("}
OF_EXPRESSIONS: Final = {"sz": "sizeof ", "az": "alignof ", "te": "typeid", "nx": "noexcept"}
