#pragma once
// What changes about a file when somebody writes it; Swift sees the times of `struct stat` on some systems only.
#include <stdint.h>
#include <sys/stat.h>

struct tocsin_file_stamp {
    int64_t seconds;
    int64_t nanoseconds;
    int64_t bytes;
    uint64_t inode;
};

/// 0, or -1 when there is no such file.
static inline int tocsin_stamp_file(const char *path, struct tocsin_file_stamp *stamp) {
    struct stat info;
    if (stat(path, &info) != 0) return -1;
    stamp->seconds = info.st_mtim.tv_sec;
    stamp->nanoseconds = info.st_mtim.tv_nsec;
    stamp->bytes = info.st_size;
    stamp->inode = info.st_ino;
    return 0;
}
