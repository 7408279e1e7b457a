/* Counts how often a program reads a clock, when preloaded into it: at its end, writes the count to the file that
 * CLOCK_READS names. The program must call the C library for its clocks, as Rust and C do; Go and Java do not. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static unsigned long count;
static int (*read_clock)(clockid_t, struct timespec *);
static int (*read_time_of_day)(struct timeval *, void *);

__attribute__((constructor)) static void find_the_real_ones(void) {
    read_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    read_time_of_day = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
}

static void note(void) { __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    note();
    return read_clock(clock, now);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    note();
    return read_time_of_day(now, zone);
}

__attribute__((destructor)) static void tell(void) {
    const char *path = getenv("CLOCK_READS");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) {
        fprintf(file, "%lu\n", count);
        fclose(file);
    }
}
