/* Reads all entries of a hash map (u32 to u64) by batches, as many times as asked for, and prints the seconds of each.
 *
 *     batch_lookup DESCRIPTOR ENTRIES TIMES
 *
 * Memory for the result is new each time, as it is for a program that keeps what it has read.
 */
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <errno.h>
#include <string.h>

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int fd = argc == 4 ? atoi(argv[1]) : -1;
    unsigned most = argc == 4 ? strtoul(argv[2], 0, 10) : 0, times = argc == 4 ? strtoul(argv[3], 0, 10) : 0;

    for (; times; times--) {
        double start = seconds();
        unsigned *keys = malloc(most * sizeof *keys), done = 0, place[2] = {0, 0};
        unsigned long long *values = malloc(most * sizeof *values);
        int ended = 0;

        while (!ended && done < most) {
            union bpf_attr attr;

            memset(&attr, 0, sizeof attr);
            attr.batch.map_fd = fd;
            attr.batch.in_batch = done ? (unsigned long)place : 0;
            attr.batch.out_batch = (unsigned long)place;
            attr.batch.keys = (unsigned long)(keys + done);
            attr.batch.values = (unsigned long)(values + done);
            attr.batch.count = most - done;
            if (syscall(__NR_bpf, BPF_MAP_LOOKUP_BATCH, &attr, sizeof attr)) {
                if (errno != ENOENT)
                    return 1;
                ended = 1;
            }
            done += attr.batch.count;
        }
        printf("%u %.6f\n", done, seconds() - start);
        free(keys);
        free(values);
    }
    return 0;
}
