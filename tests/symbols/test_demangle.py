"""Mangled names: what they stand for by the rules, as other tools read them, and names that break the rules."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyebpf.symbols.demangle import LONGEST, SHOWN, demangled, shown
from pyebpf.symbols.demangle.writer import LONGEST as LONGEST_TEXT

CPLUSPLUS = {
    "_Z1fv": "f",
    "_ZN5shape6Circle4areaEi": "shape::Circle::area",
    "_ZNK5shape6Circle4areaEv": "shape::Circle::area",
    "_ZN1AC2ERKS_": "A::A",
    "_ZN1AD0Ev": "A::~A",
    "_ZN1AIiEC1Ev": "A<int>::A",
    "_ZNSt6vectorIiSaIiEE9push_backERKi": "std::vector<int, std::allocator<int> >::push_back",
    "_ZStlsISt11char_traitsIcEERSt13basic_ostreamIcT_ES5_PKc": "std::operator<< <std::char_traits<char> >",
    "_ZNSsC1Ev": "std::basic_string<char, std::char_traits<char>, std::allocator<char> >::basic_string",
    "_Z1gSs": "g",
    "_ZN12_GLOBAL__N_11fEv": "(anonymous namespace)::f",
    "_ZL1fv": "f",
    "_ZNK1AcviEv": "A::operator int",
    "_ZN1AcvT_IiEEv": "A::operator int<int>",
    "_Zli3_kmy": 'operator"" _km',
    "_ZN1AixEi": "A::operator[]",
    "_ZnwmPv": "operator new",
    "_ZZ1fiENKUliE_clEi": "f(int)::{lambda(int)#1}::operator()",
    "_ZZ1fvENKUlT_E0_clIiEEDaS9_": None,  # S9_ hasn't come
    "_ZZ1fvENKUlT_E0_clIiEEDaS_": "f()::{lambda(auto:1)#2}::operator()<int>",
    "_ZZN1A1fEvENKUt_1gEv": "A::f()::{unnamed type#1}::g",
    "_ZZ1fPFiPKcEE1x": "f(int (*)(char const*))::x",
    "_ZZ1fRA3_A4_iE1x": "f(int (&) [3][4])::x",
    "_ZZ1fM1AKFvvEE1x": "f(void (A::*)() const)::x",
    "_ZZ1fIRiEvOT_E1x": "f<int&>(int&)::x",  # a reference to a reference is one
    "_ZZ1fIJicEEvDpPT_E1x": "f<int, char>(int*, char*)::x",
    "_ZZ1fIJEEvDpPT_E1x": "f<>()::x",
    "_Z1fILi3ELb1ELj4ELln5EEvv": "f<3, true, 4u, -5l>",
    "_Z1fIL5color2EEvv": "f<(color)2>",
    "_Z1fIXadL_Z1gvEEEvv": "f<&(g())>",
    "_ZTV1A": "vtable for A",
    "_ZTI1A": "typeinfo for A",
    "_ZThn8_N1A1fEv": "non-virtual thunk to A::f()",
    "_ZGVZ1fvE1x": "guard variable for f()::x",
    "_ZN1A1fB5cxx11Ev": "A::f[abi:cxx11]",
    "_ZN4llvm1fITnSt9enable_ifIXtlSt1ATL0__EEbE4typeELb1EEEvv": None,  # TL0_ is nobody's
    "_Z1fITnbLb1EEvv": "f<true>",
    "_ZZN1n1fIiEENS_1AIXsrNS_1BIT_EE1cEE1tES4_E1x": "n::f<int>(n::A<n::B<int>::c>::t)::x",
    "_ZZN1n1fIiEENS_1AIXsrNS_1BIT_EE1cEE1tES6_E1x": "n::f<int>(n::A<n::B<int>::c>::t)::x",  # GCC counts B, B<T>
    "_ZZN1n1fIiEENS_1AIXsrNS_1BIT_EE1cEE1tES7_E1x": None,
    "_Z3gr\u00fcnv": None,  # half a letter
    "_Z5gr\u00fcnv": "gr\u00fcn",
    "_Z1fv.cold": "f [clone .cold]",
    "_Z1fv.constprop.0.isra.12": "f [clone .constprop.0] [clone .isra.12]",
    "_Z1fv.llvm.7123": "f [clone .llvm.7123]",
    "_Z1fv@plt": "f@plt",
    "_Z1fv.Cold": None,
    "_Z1fv!": None,
    "_Z": None,
    "_Z1": None,
    "_ZN1A": None,
    "_Z9999999999f": None,
    "main": None,
    "": None,
}
"""By the Itanium C++ ABI; worked out by hand."""

RUST = {
    "_RNvC7mycrate3foo": "mycrate::foo",
    "_RNvCs1234_7mycrate3foo": "mycrate::foo",
    "_RNvNtCs1234_7mycrate3foo3bar": "mycrate::foo::bar",
    "_RNCNvC7mycrate3foo0B3_": "mycrate::foo::{closure#0}",
    "_RNCNvC7mycrate3foos_0": "mycrate::foo::{closure#1}",
    "_RNvMC7mycrateNtB2_3Foo3bar": "<mycrate::Foo>::bar",
    "_RNvXC7mycrateNtB2_3FooNtB2_3Bar3baz": "<mycrate::Foo as mycrate::Bar>::baz",
    "_RINvC1a1fhE": "a::f::<u8>",
    "_RINvC1a1fINtC1b1VhEE": "a::f::<b::V<u8>>",
    "_RINvC1a1fRhQShPlOAh3_E": None,  # the length is no constant
    "_RINvC1a1fRhQShPlOAhj3_E": "a::f::<&u8, &mut [u8], *const i32, *mut [u8; 3]>",
    "_RINvC1a1fTEThEThcEE": "a::f::<(), (u8,), (u8, char)>",
    "_RINvC1a1fKb1_Kln1f_Kc62_Kjp_E": None,  # p is a constant without a type
    "_RINvC1a1fKb1_Kln1f_Kc62_KpE": "a::f::<true, -31, 'b', _>",
    "_RINvC1a1fFUKClEuE": 'a::f::<unsafe extern "C" fn(i32)>',
    "_RINvC1a1fFG_RL0_hEReE": "a::f::<for<'a> fn(&'a u8) -> &str>",
    "_RINvC1a1fDNtC1b1TEL_E": "a::f::<dyn b::T>",
    "_RINvC1a1fDNtC1b1Tp1XhNtC1b1UEL_E": "a::f::<dyn b::T<X = u8> + b::U>",
    "_RNvC7mycrateu7gr_n_7ka": None,  # the length is wrong
    "_RNvC1au8mnchen_n": None,  # no punycode
    "_RNvC1au10mnchen_3ya": "a::m\u00fcnchen",
    "_RNvC1a1f.llvm.123": "a::f",
    "_RNvC1a1f.cold": "a::f [clone .cold]",
    "_RNvC1a1fC1b": "a::f",
    "_RNvC1a1fB": None,
    "_RNvB_1f": None,  # it would be in itself
    "_RC": None,
    "_R": None,
    "_ZN4core3fmt5write17h0123456789abcdefE": "core::fmt::write",
    "_ZN3foo14_$LT$A$u20$B$GT$3bar17h0123456789abcdefE": None,
    "_ZN3foo16_$LT$A$u20$B$GT$3bar17h0123456789abcdefE": "foo::<A B>::bar",
    "_ZN13alloc..string1f17h0123456789abcdefE.llvm.12AB": "alloc::string::f",
    "_ZN1a17h0123456789abcdeE": None,
}
"""By RFC 2603, and by what rustc wrote before; worked out by hand."""
NAMES = CPLUSPLUS | RUST


@pytest.mark.parametrize("name", NAMES)
def test_names_are_as_the_rules_say(name: str) -> None:
    assert demangled(name) == NAMES[name]
    assert shown(name) == (NAMES[name] or name)


def filtered(command: str, options: list[str], names: list[str]) -> list[str]:
    if shutil.which(command) is None:
        pytest.skip(f"{command} isn't installed")
    done = subprocess.run([command, *options], input="\n".join(names), stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split("\n")[: len(names)]


def alike(name: str) -> str:
    """c++filt has commas for packs that are empty, and isn't consistent in what is between two brackets."""
    for before, after in (("> >", ">>"), (", , ", ", "), ("<, ", "<"), ("(, ", "(")):
        while before in name:
            name = name.replace(before, after)
    return name


UNLIKE = ("Tn", "ES4_", "\u00fc", ".")
"""In names that c++filt doesn't know, counts otherwise, or doesn't take for names; or whose end it leaves out."""


def test_other_tools_read_these_names_the_same() -> None:
    names = [name for name, wanted in CPLUSPLUS.items() if wanted and not any(part in name for part in UNLIKE)]
    assert filtered("c++filt", ["-i", "-p"], names) == [CPLUSPLUS[name] for name in names]
    names = [name for name, wanted in RUST.items() if wanted and name.startswith("_R") and "." not in name]
    assert filtered("llvm-cxxfilt-19", [], names) == [RUST[name] for name in names]


PROGRAM = r"""
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>
namespace shapes {
struct Shape { virtual ~Shape() = default; virtual double area(int) const = 0; };
struct Named { virtual std::string name() & { return "named"; } };
template <typename T, int N> struct Box : Shape, Named {
  T sides[N];
  double area(int by) const override { double all = by; for (auto side : sides) all += side; return all; }
  std::string name() & override { return "box"; }
  template <typename U> operator U() const { return U(); }
  bool operator<(const Box &other) const { return area(1) < other.area(1); }
  Box &operator++() { return *this; }
};
namespace { struct Hidden { int number; int get() volatile { return number; } }; }
template <typename... Ts> auto total(Ts &&...all) -> decltype((all + ...)) { return (all + ...); }
template <typename F, typename... Ts> auto apply(F &&f, Ts... all) { return f(all...); }
template <auto Method, typename T> int call(T &of) { return (of.*Method)(); }
enum class Color { red, green };
template <Color C, bool B, char K> long colored() { return long(C) + B + K; }
}
using namespace shapes;
static int plain(int (*f)(const char *), int (&numbers)[3], int Hidden::*member) {
  static std::string kept = "kept";
  auto inner = [&](auto x, const std::vector<int> &v) { return int(x + v.size() + numbers[0]); };
  struct Local { int go(std::unique_ptr<int> p) { return *p; } };
  Hidden h{3};
  return f(kept.c_str()) + inner(1, {}) + inner(2.5, {}) + Local().go(std::make_unique<int>(2)) + h.*member;
}
int main(int count, char **) {
  std::map<std::string, std::vector<std::shared_ptr<Shape>>> shapes;
  shapes["a"].push_back(std::make_shared<Box<double, 3>>());
  std::function<int(int, const char *)> f = [count](int a, const char *) { return a + count; };
  int numbers[3] = {1, 2, 3};
  Hidden hidden{2};
  Box<long, 2> box{};
  std::sort(numbers, numbers + 3, [](int a, int b) { return a > b; });
  std::variant<int, std::string> either = "text";
  std::ostringstream out;
  out << std::visit([](auto &&x) { return sizeof x; }, either) << std::get<1>(std::make_tuple(1, 'c'));
  std::thread([&] { out << f(1, ""); }).join();
  std::string name = (++box).name();
  return plain([](const char *) { return 1; }, numbers, &Hidden::number) + total(1, 2L, count) + apply(f, 1, "x") +
         colored<Color::green, true, 'x'>() + (box < box) + int(double(box)) + hidden.get() + name.size();
}
"""


def names_of(path: Path, *options: str) -> list[str]:
    listed = subprocess.run(["nm", *options, path], stdout=subprocess.PIPE, text=True, check=True).stdout
    return sorted({line.split()[-1].partition("@")[0] for line in listed.splitlines() if " _Z" in line})


@pytest.mark.parametrize("compiler", ["g++", "clang++-19"])
@pytest.mark.parametrize("options", [("-O0",), ("-O2",)], ids=" ".join)
def test_a_programs_names_are_those_of_cplusplusfilt(tmp_path: Path, compiler: str, options: tuple[str, ...]) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} isn't installed")
    command = [compiler, "-std=c++17", "-pthread", *options, "-x", "c++", "-", "-o", str(tmp_path / "program")]
    subprocess.run(command, input=PROGRAM.encode(), check=True)
    names = [name for name in names_of(tmp_path / "program") if "." not in name]
    assert len(names) > (500 if options == ("-O0",) else 60)
    pairs = list(zip(names, filtered("c++filt", ["-i", "-p"], names)))
    new = [name for name, each in pairs if name == each]  # c++filt doesn't know kinds of parameters yet
    assert all("Tn" in name or "Tp" in name for name in new)
    assert all(map(demangled, names))
    known = [(name, alike(demangled(name) or name), alike(each)) for name, each in pairs if name != each]
    assert [each for each in known if each[1] != each[2]] == []


def test_the_standard_librarys_names_are_those_of_cplusplusfilt() -> None:
    asked = subprocess.run(["g++", "-print-file-name=libstdc++.so.6"], stdout=subprocess.PIPE, text=True, check=True)
    names = names_of(Path(asked.stdout.strip()), "-D")
    assert len(names) > 4000
    wanted = filtered("c++filt", ["-i", "-p"], names)
    others = [name for name, each in zip(names, wanted) if alike(demangled(name) or name) != alike(each)]
    assert len(others) <= len(names) // 200, others[:5]


def number(index: int) -> str:
    """What has come before, in C++: `S_`, `S0_`."""
    digits = ""
    index -= 1
    while index >= 0:
        digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[index % 36] + digits
        index = index // 36 if index >= 36 else -1
    return f"S{digits}_"


LARGE = {
    "twice the last, and again": "_ZZ1f1AIiiE" + "".join(f"S_I{number(n) * 2}E" for n in range(1, 300)) + "E1x",
    "functions of functions": "_ZZ1fPFvvE" + "".join(f"PF{number(2 * n + 1) * 2}E" for n in range(300)) + "E1x",
    "pointers to pointers": "_ZZ1fPi" + "".join("P" + number(n) for n in range(800)) + "E1x",
    "many pointers": "_ZZ1f" + "P" * 4000 + "iE1x",
    "templates in templates": "_Z1fI" + "1AI" * 1300,
    "functions in functions": "_Z" + "Z" * 4000,
    "a conversion to itself": "_ZN1AcvPT_IS1_EEv",
    "packs of packs": "_ZZ1fIJ" + "Ri" * 1500 + "EEv" + "DpOT_" * 200 + "E1x",
    "scopes in scopes": "_ZN" + "1a" * 2000 + "Ev",
    "tuples of tuples": "_RIC1aTuuE" + "".join(f"TB{'5' if n else '4'}_B6_E" for n in range(500)) + "E",
    "a name in itself": "_RIC1a" + "TB0_" * 900,
    "types in types": "_RIC1a" + "T" * 4000,
    "punycode": "_RCu3900_" + "zzzz" * 975,
    "many lifetimes": "_RIC1aFGzzzzzzzzz_EuE",
    "letters": "_Z4000" + "a" * 4000 + "v",
    "digits": "_Z1fILi" + "9" * 4000 + "EEvv",
    "longer than may be": "_Z5000" + "a" * 5000 + "v",
}


@pytest.mark.parametrize("what", LARGE)
def test_what_would_be_very_much_is_soon_given_up(what: str) -> None:
    started = time.thread_time()
    found = demangled(LARGE[what])
    assert time.thread_time() - started < 0.5
    assert found is None or len(found) <= LONGEST_TEXT + LONGEST
    assert len(shown(LARGE[what])) <= SHOWN


PIECES = st.sampled_from(
    [*"NZISTLXJEPROKVMFADCGUBQRiv0159_ycsugh.", "St", "S_", "S0_", "T_", "Dp", "Ul", "cv", "L_Z", "fp_", "1a", "3foo"]
    + ["sr", "cl", "DT", "Tn", "17h0123456789abcdef", "$LT$", "$u1b$", "B_", "B1_", "Nv", "Cs_", "G_", "ü"]
)


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A name with pieces of others, or with its own in another order."""
    name = draw(st.sampled_from(list(NAMES)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(name)))
        until = draw(st.integers(at, len(name)))
        times = draw(st.sampled_from([1, 1, 2, 30]))
        name = draw(st.sampled_from([name[:at], name[:until]])) + draw(PIECES) * times + name[until:]
    return name


@given(spoilt() | st.text().map("_Z".__add__) | st.lists(PIECES).map(lambda each: "_R" + "".join(each)))
def test_any_names(name: str) -> None:
    started = time.thread_time()
    found, text = demangled(name), shown(name)
    assert time.thread_time() - started < 0.5
    assert found is None or 0 < len(found) <= LONGEST_TEXT + LONGEST
    assert text.isprintable() and len(text) <= SHOWN


def test_names_cannot_hide_what_terminals_obey() -> None:
    assert shown("_ZN3foo5$u1b$17h0123456789abcdefE") == "foo::\\x1b"
