// What the load programs share: the format of load files, the clock, and the choice of a core.
#ifndef LOAD_H
#define LOAD_H

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// A load file is a sequence of these, each followed by `length` bytes of HTTP body.
typedef struct {
    uint32_t length;
    uint32_t samples;
    uint32_t step;   // which round of samples, from 0
    uint32_t shard;  // which part of the series; one shard stays on one connection, so a series stays in order
} record_header;

static inline double now_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

// Keeps the calling thread on one core; a negative core leaves it free.
static inline void pin_to(int core) {
    if (core < 0) return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) perror("sched_setaffinity");
}

static inline int compare_doubles(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

// Memory or the end of the program.
static inline void *room_for(size_t bytes) {
    void *room = malloc(bytes ? bytes : 1);
    if (!room) {
        fprintf(stderr, "out of memory (%zu bytes)\n", bytes);
        exit(1);
    }
    return room;
}

#endif
