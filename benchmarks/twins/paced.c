/* Makes one getppid system call each so many nanoseconds, once a byte came on standard input, and says how many.
 *
 *     paced NANOSECONDS SECONDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv)
{
    long long apart = argc == 3 ? atoll(argv[1]) : 0, next, end;
    long made = 0;
    char byte;

    if (apart <= 0 || read(0, &byte, 1) != 1)
        return 1;
    next = nanoseconds();
    end = next + atoll(argv[2]) * 1000000000LL;
    for (long long now = next; now < end; now = nanoseconds()) {
        if (now < next)
            continue;
        syscall(SYS_getppid);
        made++;
        next = next + apart > now ? next + apart : now;
    }
    printf("%ld\n", made);
    return 0;
}
