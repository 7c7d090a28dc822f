"""Programs that know other types than the kernel, one for each thing that CO-RE has to decide."""

from __future__ import annotations

from core_generator import Pair

ACCESS = """
#define CO __attribute__((preserve_access_index))
#define INFO(field, kind) __builtin_preserve_field_info(field, kind)
#define TYPE(type, kind) __builtin_preserve_type_info(*(type *)0, kind)
"""
CASES = {
    "loads of other sizes": Pair(
        """struct s { unsigned long long a; unsigned char b; int *c; long d; short e[3]; unsigned f; } have;""",
        """struct s { unsigned a; unsigned long long b; int *c; int d; int e[3]; int f; } CO;
        SEC("raw_tracepoint/x") long p(struct s *s) {
          s->a = 3; s->b = s->a + s->b + s->f; s->d = 4; return s->d + s->e[2] + (s->c != 0); }""",
    ),
    "arrays at the end": Pair(
        """struct s { int n; struct { short a; int b; } rest[]; } have; struct t { int n; int few[2]; int x; } too;""",
        """struct in { short a; int b; } CO; struct s { int n; long more; struct in rest[0]; } CO;
        struct t { int n; int few[9]; } CO;
        SEC("raw_tracepoint/x") long p(struct s *s, struct t *t) {
          return s->rest[5].b + s->rest[0].a + t->few[1] + INFO(t->few[2], 0) + INFO(t->few[7], 1); }""",
    ),
    "an array that isn't flexible there": Pair(
        """struct s { int rest[0]; int n; } have;""",
        """struct s { int n; int rest[]; } CO;
        SEC("raw_tracepoint/x") long p(struct s *s) { return INFO(s->rest[0], 0) + INFO(s->rest[1], 0); }""",
    ),
    "bit fields across units": Pair(
        """struct s { unsigned long long a : 33, b : 7; unsigned c : 30, d : 2; struct { int e : 1; }; } have;""",
        """struct s { unsigned a : 3, d : 5; int e : 9; unsigned b, c; } CO;
        SEC("raw_tracepoint/x") long p(struct s *s) { long n = 0;
          n += INFO(s->a, 0); n += INFO(s->a, 1); n += INFO(s->a, 2); n += INFO(s->a, 3); n += INFO(s->a, 4);
          n += INFO(s->a, 5); n += INFO(s->d, 0); n += INFO(s->d, 1); n += INFO(s->d, 4); n += INFO(s->d, 5);
          n += INFO(s->e, 0); n += INFO(s->e, 3); n += INFO(s->e, 4); n += INFO(s->b, 0); n += INFO(s->b, 4);
          n += INFO(s->b, 1); n += INFO(s->c, 5); return n; }""",
    ),
    "a bit field that no load holds": Pair(
        """struct s { char pad[5]; unsigned long long a : 30; } __attribute__((packed)) have;""",
        """struct s { unsigned a : 3; } CO; SEC("raw_tracepoint/x") long p(struct s *s) { return INFO(s->a, 0); }""",
    ),
    "out of reach": Pair(
        """struct s { char pad[40000]; unsigned a; } have;""",
        """struct s { unsigned a; } CO; SEC("raw_tracepoint/x") long p(struct s *s) { return s->a; }""",
    ),
    "far, but an address": Pair(
        """struct s { char pad[40000]; unsigned a; } have;""",
        """struct s { unsigned a; } CO; SEC("raw_tracepoint/x") long p(struct s *s) { return INFO(s->a, 0); }""",
    ),
    "candidates that agree": Pair(
        """struct s { int a, b; } have; struct s___2 { int a; long b; } too; struct s___3 { int c; } three;""",
        """struct s { int a, c; } CO; SEC("raw_tracepoint/x") long p(struct s *s) { return s->a + INFO(s->c, 2); }""",
    ),
    "candidates that don't": Pair(
        """struct s { int a, b; } have; struct s___2 { int b; int a; } too;""",
        """struct s { int a; } CO; SEC("raw_tracepoint/x") long p(struct s *s) { return s->a; }""",
    ),
    "sizes that don't": Pair(
        """struct s { int a, b; } have; struct s___2 { int a; } too;""",
        """struct s { int a; } CO; SEC("raw_tracepoint/x") long p(struct s *s) { return TYPE(struct s, 1); }""",
    ),
    "what a record found unfit isn't asked again": Pair(
        """struct s { int a; } have; struct s___2 { int b, c; } too;""",
        """struct s { int c, b, a; } CO;
        SEC("raw_tracepoint/x") long p(struct s *s) { return s->a + INFO(s->b, 2) + TYPE(struct s, 1); }""",
    ),
    "enumerators": Pair(
        """enum e { A = -7, B = 1 << 20, C___x = 9 } have; enum w { D = 1ull << 40, E = ~0ull } wide;""",
        """enum e { A = 1, B___mine = 2, C = 3, MISSING = 4 };
          enum w___2 { D___3 = 3, E = 1ull << 63, GONE = 1ull << 34 };
        #define V(t, name) n += __builtin_preserve_enum_value(*(t *)name, 1); \\
                           n += __builtin_preserve_enum_value(*(t *)name, 0);
        SEC("raw_tracepoint/x") long p(void *s) { long n = 0; V(enum e, A) V(enum e, B___mine) V(enum e, C)
          V(enum w___2, D___3) V(enum w___2, E) V(enum w___2, GONE) V(enum e, MISSING) return n; }""",
    ),
    "types that match": Pair(
        """struct in { int a; char b[4]; }; struct later; enum e { A, B, C } have_e; typedef unsigned number;
        struct s { struct in in; struct in *to; number (*call)(struct in *, long); enum e e; struct later *later;
          union { int x; long y; }; struct s *self; } have; number have_n; typedef struct { int q; } nameless_t;
        nameless_t have_nameless; typedef int (*callback_t)(struct s *, int); callback_t have_callback;""",
        """struct in { int a; } CO; struct in___long { long a; } CO; struct in___ptr; enum e { B___z };
          struct later { int b; };
        struct s { struct in in; struct s *self; } CO; struct s___same { struct in___long *to; struct later *later;
          } CO;
        struct s___not { struct in___long in; } CO; struct s___call { unsigned (*call)(struct in___ptr *, long); } CO;
        struct s___fewer { unsigned (*call)(struct in___ptr *); } CO; struct s___union { union { long y; }; } CO;
        struct s___enum { enum e e; } CO; typedef struct { int q; } nameless_t; typedef struct { long q;
          } nameless_t___2;
        typedef int (*callback_t)(struct s *, int); typedef long (*callback_t___2)(struct s *, int);
          typedef long number;
        struct in___tail { char b[4]; } CO; struct in___longer { char b[5]; } CO;
        #define ALL(t) n += TYPE(t, 0); n += TYPE(t, 1); n += TYPE(t, 2); n += __builtin_btf_type_id(*(t *)0, 1);
        SEC("raw_tracepoint/x") long p(void *s) { long n = 0; ALL(struct s) ALL(struct s___same) ALL(struct s___not)
          ALL(struct s___call) ALL(struct s___fewer) ALL(struct s___union) ALL(struct s___enum) ALL(nameless_t)
          ALL(nameless_t___2) ALL(number) ALL(struct in) ALL(struct in___tail) ALL(struct in___longer)
          n += TYPE(callback_t, 0); n += TYPE(callback_t, 2); n += TYPE(callback_t___2, 0);
          n += TYPE(callback_t___2, 2); return n; }""",
    ),
    "members of other kinds": Pair(
        """struct in { int a; }; struct s { struct in a; union { int b; } b; int c[2]; int *d; enum { X } e;
          float f; } have;
        """,
        """struct in { int a; } CO; union un { int a; } CO; struct s { union un a; int b, c; int d; int e;
          double f; } CO;
        SEC("raw_tracepoint/x") long p(struct s *s) { return INFO(s->a, 2) + INFO(s->a.a, 0) + INFO(s->b, 2)
          + INFO(s->c, 2) + INFO(s->d, 2) + INFO(s->e, 2) + INFO(s->f, 2) + INFO(s->f, 0); }""",
    ),
}
