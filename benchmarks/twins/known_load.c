/* A load whose shares are known: it spends its processor time in four functions, and says at its end how much in each.
 *
 *     known_load SECONDS [short]
 *
 * `parse` and `compress` come by way of `serve`, `flush` by way of `idle_work`, and `kernel_side` is system calls. Time
 * goes round in slices of a few milliseconds. With `short` it starts a child for each slice, which ends with it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

#define OWN __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls")))

static volatile unsigned long sink;

static double now(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* What each does for `seconds` of processor time. They look at the clock seldom, so that its calls hardly count. */
OWN void spin(double seconds)
{
    double end = now(CLOCK_PROCESS_CPUTIME_ID) + seconds;

    do {
        for (unsigned long i = 0; i < 200000; i++)
            sink += i;
    } while (now(CLOCK_PROCESS_CPUTIME_ID) < end);
    __asm__ volatile("");
}

OWN void parse(double seconds)
{
    spin(seconds);
    __asm__ volatile("");
}

OWN void compress(double seconds)
{
    spin(seconds);
    __asm__ volatile("");
}

OWN void flush(double seconds)
{
    spin(seconds);
    __asm__ volatile("");
}

OWN void kernel_side(double seconds)
{
    static char page[1 << 16];
    double end = now(CLOCK_PROCESS_CPUTIME_ID) + seconds;
    int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

    do {
        for (int i = 0; i < 50; i++)
            sink += read(zero, page, sizeof page);
    } while (now(CLOCK_PROCESS_CPUTIME_ID) < end);
    close(zero);
    __asm__ volatile("");
}

OWN void serve(double slice)
{
    parse(slice * 0.4);
    compress(slice * 0.2);
    __asm__ volatile("");
}

OWN void idle_work(double slice)
{
    flush(slice * 0.1);
    kernel_side(slice * 0.3);
    __asm__ volatile("");
}

OWN void round_of(double slice)
{
    serve(slice);
    idle_work(slice);
    __asm__ volatile("");
}

int main(int argc, char **argv)
{
    double end = now(CLOCK_MONOTONIC) + (argc > 1 ? atof(argv[1]) : 1);
    int brief = argc > 2 && !strcmp(argv[2], "short");

    while (now(CLOCK_MONOTONIC) < end) {
        if (!brief) {
            round_of(0.02);
            continue;
        }
        pid_t child = fork();
        if (!child) {
            execl("/proc/self/exe", argv[0], "0.02", (char *)0);
            _exit(127);
        }
        waitpid(child, 0, 0);
    }
    return 0;
}
