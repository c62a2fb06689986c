// limits: what one core of this machine allows for the same bytes that the servers take. Prints one JSON object.
//
//   limits LOAD_FILE FOLDER [--core N]      FOLDER is on the disk to be measured
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <snappy-c.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"

enum { REPETITIONS = 3, WINDOW = 32, ROUND_TRIPS = 20000, SYNCS = 200 };

static const char *file_bytes;
static size_t file_size;
static char *body;  // room for the longest
static volatile double sink;

// The series found so far, by the hash of their label bytes, and the newest samples of each.
typedef struct {
    uint64_t hash;
    uint32_t series;
} slot;

static slot *slots;
static uint64_t slot_mask, *hashes;
static uint32_t series_count, series_room;
static double *columns;

static uint64_t mix(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t word_at(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    return word;
}

// Two lanes of 16 bytes at a time; needs 32 bytes.
static uint64_t hash_of(const uint8_t *bytes, size_t length) {
    uint64_t a = length * 0x9E3779B97F4A7C15ull, b = 0xE7037ED1A0B428DBull;
    const uint8_t *last = bytes + length - 32;
    for (const uint8_t *each = bytes;; each = each + 32 < last ? each + 32 : last) {
        a = mix(word_at(each) ^ 0xA0761D6478BD642Full ^ a, word_at(each + 8) ^ 0x8EBC6AF09C88C6E3ull);
        b = mix(word_at(each + 16) ^ 0x589965CC75374CC3ull ^ b, word_at(each + 24) ^ 0x1D8E4E27C47D124Full);
        if (each == last) break;
    }
    return mix(a ^ 0x2D358DCCAA6C78A5ull, b ^ 0x8BB84B93962EACC9ull) | 1;
}

static uint64_t read_varint(const uint8_t **bytes) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        uint64_t byte = *(*bytes)++;
        value |= (byte & 127) << shift;
        if (byte < 128) return value;
    }
}

// A series of a write request: its labels lie in one piece before its one sample.
typedef struct {
    const uint8_t *labels;
    size_t labels_length;
    double value;
    uint64_t time;
} series_view;

static const uint8_t *read_series(const uint8_t *bytes, series_view *series) {
    bytes++;
    uint64_t length = read_varint(&bytes);
    const uint8_t *end = bytes + length;
    series->labels = bytes;
    while (bytes < end && *bytes == 0x0A) {
        bytes++;
        uint64_t label_length = read_varint(&bytes);
        bytes += label_length;
    }
    series->labels_length = (size_t)(bytes - series->labels);
    bytes += 3;  // the sample's tag and length, and the value's tag
    memcpy(&series->value, bytes, 8);
    bytes += 9;
    series->time = read_varint(&bytes);
    return end;
}

static uint32_t find_series(uint64_t hash) {
    uint64_t index = hash & slot_mask;
    while (slots[index].hash != hash && slots[index].hash != 0) index = (index + 1) & slot_mask;
    if (slots[index].hash == 0) {
        hashes[series_count] = hash;
        slots[index] = (slot){hash, series_count++};
    }
    return slots[index].series;
}

typedef enum { DECOMPRESS, DECODE, STORE } work;

static void do_work(work kind) {
    double sum = 0;
    for (size_t offset = 0; offset + sizeof(record_header) <= file_size;) {
        record_header header;
        memcpy(&header, file_bytes + offset, sizeof header);
        offset += sizeof header;
        size_t length = 0;
        snappy_uncompressed_length(file_bytes + offset, header.length, &length);
        snappy_uncompress(file_bytes + offset, header.length, body, &length);
        offset += header.length;
        sum += body[length - 1];
        if (kind == DECOMPRESS) continue;
        const uint8_t *each = (const uint8_t *)body, *end = each + length;
        double *column = columns + (size_t)(header.step % WINDOW) * series_room;
        // Senders repeat the order of series, so the one after the last is tried before the table.
        uint32_t next = 0;
        while (each < end) {
            series_view series;
            each = read_series(each, &series);
            sum += series.value + (double)series.time;
            if (kind == DECODE) continue;
            uint64_t hash = hash_of(series.labels, series.labels_length);
            uint32_t found = next < series_count && hashes[next] == hash ? next : find_series(hash);
            next = found + 1;
            column[found] = series.value;
        }
    }
    sink = sum;
}

static double best_of(work kind) {
    double best = 1e9;
    for (int index = 0; index < REPETITIONS; index++) {
        double began = now_seconds();
        do_work(kind);
        double seconds = now_seconds() - began;
        if (seconds < best) best = seconds;
    }
    return best;
}

static double copy_rate(void) {
    size_t bytes = 256 << 20;
    char *from = room_for(bytes), *to = room_for(bytes);
    memset(from, 1, bytes);
    memset(to, 2, bytes);
    double best = 1e9;
    for (int index = 0; index < REPETITIONS; index++) {
        double began = now_seconds();
        memcpy(to, from, bytes);
        double seconds = now_seconds() - began;
        sink = to[index];
        if (seconds < best) best = seconds;
    }
    free(from);
    free(to);
    return (double)bytes / best;
}

// What 10,000 rules must touch at least: the increase of 10 series over 20 samples each.
static double rules_seconds(void) {
    double best = 1e9;
    for (int index = 0; index < REPETITIONS; index++) {
        double began = now_seconds(), sum = 0;
        for (uint32_t rule = 0; rule < 10000; rule++) {
            for (uint32_t each = 0; each < 10; each++) {
                uint32_t series = (rule * 7919u + each) % series_count;
                for (int step = 1; step < 20; step++) {
                    double before = columns[(size_t)(step - 1) * series_room + series];
                    double value = columns[(size_t)step * series_room + series];
                    sum += value >= before ? value - before : value;
                }
            }
        }
        sink = sum;
        double seconds = now_seconds() - began;
        if (seconds < best) best = seconds;
    }
    return best;
}

static void *echo(void *argument) {
    int listener = *(int *)argument, one = 1, peer = accept(listener, NULL, NULL);
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    char byte;
    while (read(peer, &byte, 1) == 1 && write(peer, &byte, 1) == 1) {
    }
    close(peer);
    return NULL;
}

// The median round trip of one byte between two threads over loopback TCP.
static double round_trip_seconds(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (bind(listener, (void *)&address, sizeof address) != 0 || listen(listener, 1) != 0) return 0;
    getsockname(listener, (void *)&address, &length);
    pthread_t thread;
    pthread_create(&thread, NULL, echo, &listener);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (void *)&address, sizeof address) != 0) return 0;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    static double times[ROUND_TRIPS];
    char byte = 1;
    for (int index = 0; index < ROUND_TRIPS; index++) {
        double began = now_seconds();
        if (write(client, &byte, 1) != 1 || read(client, &byte, 1) != 1) return 0;
        times[index] = now_seconds() - began;
    }
    close(client);
    pthread_join(thread, NULL);
    close(listener);
    qsort(times, ROUND_TRIPS, sizeof *times, compare_doubles);
    return times[ROUND_TRIPS / 2];
}

// The median of writing 4 KiB and waiting until the disk has them.
static double sync_seconds(const char *folder) {
    char path[4096], block[4096];
    memset(block, 7, sizeof block);
    snprintf(path, sizeof path, "%s/sync.tmp", folder);
    int file = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
    static double times[SYNCS];
    int done = 0;
    while (file >= 0 && done < SYNCS) {
        if (pwrite(file, block, sizeof block, (off_t)done * (off_t)sizeof block) < 0) break;
        double began = now_seconds();
        fdatasync(file);
        times[done++] = now_seconds() - began;
    }
    close(file);
    unlink(path);
    qsort(times, (size_t)done, sizeof *times, compare_doubles);
    return done ? times[done / 2] : 0;
}

int main(int count, char **arguments) {
    if (count != 3 && !(count == 5 && strcmp(arguments[3], "--core") == 0)) {
        fprintf(stderr, "usage: limits LOAD_FILE FOLDER [--core N]\n");
        return 2;
    }
    cpu_set_t all;
    sched_getaffinity(0, sizeof all, &all);
    if (count == 5) pin_to(atoi(arguments[4]));
    int file = open(arguments[1], O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) {
        perror(arguments[1]);
        return 1;
    }
    file_size = (size_t)status.st_size;
    file_bytes = mmap(NULL, file_size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    uint64_t samples = 0;
    size_t longest = 0, whole = 0;
    for (size_t offset = 0; offset + sizeof(record_header) <= file_size;) {
        record_header header;
        memcpy(&header, file_bytes + offset, sizeof header);
        offset += sizeof header;
        size_t length = 0;
        snappy_uncompressed_length(file_bytes + offset, header.length, &length);
        offset += header.length;
        samples += header.samples;
        whole += length;
        if (length > longest) longest = length;
        if (header.step == 0) series_room += header.samples;
    }
    body = room_for(longest);
    uint64_t slot_count = 1;
    while (slot_count < (uint64_t)series_room * 2) slot_count *= 2;
    slot_mask = slot_count - 1;
    slots = calloc(slot_count, sizeof *slots);
    hashes = calloc((size_t)series_room + 1, sizeof *hashes);
    columns = calloc((size_t)series_room * WINDOW, sizeof *columns);
    if (!slots || !hashes || !columns || series_room == 0) {
        fprintf(stderr, "limits: out of memory, or a load file that does not begin with step 0\n");
        return 1;
    }
    double copy = copy_rate(), decompress = best_of(DECOMPRESS), decode = best_of(DECODE);
    double store = best_of(STORE), rules = rules_seconds();
    sched_setaffinity(0, sizeof all, &all);
    double millions = (double)samples / 1e6;
    printf("{\"copy_GB_s\": %.3g, \"decompress_GB_s\": %.3g, \"decompress_cpu_s_per_million\": %.3g, "
           "\"decode_cpu_s_per_million\": %.3g, \"store_cpu_s_per_million\": %.3g, \"series\": %u, "
           "\"rules_10000_cpu_s\": %.3g, \"loopback_round_trip_ms\": %.3g, \"sync_4k_ms\": %.3g, "
           "\"packed_bytes_per_sample\": %.3g}\n",
           copy / 1e9, (double)whole / decompress / 1e9, decompress / millions, decode / millions,
           store / millions, series_count, rules, round_trip_seconds() * 1e3,
           sync_seconds(arguments[2]) * 1e3, (double)file_size / (double)samples);
    return 0;
}
