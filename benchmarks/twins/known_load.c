/* A load whose shares are known: it spends its processor time in four functions, and prints how many seconds in each.
 *
 *     known_load SECONDS [short]
 *
 * `parse` and `compress` come by way of `serve`, `flush` and `kernel_side`, which is system calls, by way of `upkeep`.
 * Time goes round in slices of a few milliseconds. With `short` it starts a program for each slice, which then ends.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What a function does behind its last call keeps the compiler from jumping there, which would take it off the stack. */
#define OWN __attribute__((noinline, noclone))
#define BEHIND __asm__ volatile("")

static volatile unsigned long sink;

static double now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* It looks at the clock seldom, so that its calls hardly count. */
OWN void spin(double seconds)
{
    double end = now(CLOCK_PROCESS_CPUTIME_ID) + seconds;

    do {
        for (unsigned long i = 0; i < 100000; i++)
            sink += i;
    } while (now(CLOCK_PROCESS_CPUTIME_ID) < end);
    BEHIND;
}

OWN void parse(double seconds)
{
    spin(seconds);
    BEHIND;
}

OWN void compress(double seconds)
{
    spin(seconds);
    BEHIND;
}

OWN void flush(double seconds)
{
    spin(seconds);
    BEHIND;
}

/* The system call itself: libc's functions keep no frame pointer, and their callers would be missing in stacks. */
static inline long read_file(int file, void *place, unsigned long size)
{
#if defined(__x86_64__)
    long result = 0;

    __asm__ volatile("syscall" : "+a"(result) : "D"(file), "S"(place), "d"(size) : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long result __asm__("x0") = file;
    register void *second __asm__("x1") = place;
    register unsigned long third __asm__("x2") = size;
    register long number __asm__("x8") = 63;

    __asm__ volatile("svc 0" : "+r"(result) : "r"(second), "r"(third), "r"(number) : "memory");
    return result;
#else
    return read(file, place, size);
#endif
}

OWN void kernel_side(double seconds)
{
    static char page[1 << 16];
    double end = now(CLOCK_PROCESS_CPUTIME_ID) + seconds;
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

    do {
        for (int i = 0; i < 50; i++)
            sink += read_file(zero, page, sizeof page);
    } while (now(CLOCK_PROCESS_CPUTIME_ID) < end);
    close(zero);
    BEHIND;
}

static double spent[4];

OWN void timed(int which, void (*function)(double), double seconds)
{
    double start = now(CLOCK_PROCESS_CPUTIME_ID);

    function(seconds);
    spent[which] += now(CLOCK_PROCESS_CPUTIME_ID) - start;
}

OWN void serve(double slice)
{
    timed(0, parse, slice * 0.4);
    timed(1, compress, slice * 0.2);
    BEHIND;
}

OWN void upkeep(double slice)
{
    timed(2, flush, slice * 0.1);
    timed(3, kernel_side, slice * 0.3);
    BEHIND;
}

int main(int argc, char **argv)
{
    double end = now(CLOCK_MONOTONIC) + (argc > 1 ? atof(argv[1]) : 1);
    int brief = argc > 2 && !strcmp(argv[2], "short");

    do {
        if (brief) {
            pid_t child = fork();

            if (!child) {
                execl(argv[0], argv[0], "0", (char *)0);
                _exit(127);
            }
            waitpid(child, 0, 0);
        } else {
            serve(0.02);
            upkeep(0.02);
        }
    } while (now(CLOCK_MONOTONIC) < end);
    if (!brief)
        printf("%.6f %.6f %.6f %.6f\n", spent[0], spent[1], spent[2], spent[3]);
    return 0;
}
