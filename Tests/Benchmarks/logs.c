// logs: documents as shippers send them to _bulk, and what one core of this machine makes of the same bytes in plain C.
//
//   logs generate FILE [--documents N] [--per-request M] [--shards S]     writes a load file; prints one JSON object
//   logs limit FILE [--core N]                                            parses it; prints one JSON object
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"

enum { BODY_MAX = 64 << 20, REPETITIONS = 3, DEPTH_MAX = 64, FIELDS_MAX = 256 };

// MARK: Generating

static uint64_t seed = 88172645463325252ull;

static uint64_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static const char *const methods[] = {"GET", "GET", "GET", "POST", "PUT"};
static const int statuses[] = {200, 200, 200, 200, 200, 200, 201, 304, 404, 500};

// An access log line of a container with what Kubernetes says of it: about 860 bytes.
static int write_document(char *to, size_t room, long number) {
    int status = statuses[next_random() % 10];
    const char *method = methods[next_random() % 5];
    unsigned item = (unsigned)(next_random() % 100000), pod = (unsigned)(next_random() % 24);
    unsigned bytes = (unsigned)(next_random() % 50000), milliseconds = (unsigned)(next_random() % 900);
    return snprintf(
        to, room,
        "{\"@timestamp\":\"2026-11-24T07:%02ld:%02ld.%03uZ\",\"log\":\"10.1.%u.%u - - [24/Nov/2026:07:00:00 +0000] "
        "\\\"%s /api/v1/items/%u?view=full HTTP/1.1\\\" %d %u \\\"-\\\" \\\"Mozilla/5.0 (X11; Linux x86_64) "
        "AppleWebKit/537.36\\\" 412 0.%03u\",\"stream\":\"stdout\",\"status\":%d,\"method\":\"%s\",\"bytes\":%u,"
        "\"duration\":0.%03u,\"kubernetes\":{\"pod_name\":\"web-7d4b9c6f8-%05u\",\"namespace_name\":\"shop\","
        "\"pod_id\":\"6f1c2d3e-%04x-4b5a-9c8d-7e6f5a4b3c2d\",\"host\":\"ip-10-1-%u-12.eu-west-1.compute.internal\","
        "\"container_name\":\"nginx\",\"docker_id\":\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f0%04x\","
        "\"container_image\":\"registry.example.com/shop/web:1.42.7\",\"labels\":{\"app\":\"web\","
        "\"app_kubernetes_io/name\":\"web\",\"pod-template-hash\":\"7d4b9c6f8\"}}}\n",
        number / 60000 % 60, number / 1000 % 60, (unsigned)(number % 1000), pod, item % 250, method, item, status, bytes,
        milliseconds, status, method, bytes, milliseconds, pod, pod, pod, pod);
}

static int generate(const char *path, long documents, long per_request, long shards) {
    FILE *file = fopen(path, "wb");
    if (!file) {
        perror(path);
        return 1;
    }
    char *body = room_for(BODY_MAX);
    unsigned long long bytes = 0;
    long requests = 0;
    for (long done = 0; done < documents;) {
        size_t length = 0;
        long count = 0;
        while (count < per_request && done < documents && length + 4096 < BODY_MAX) {
            length += (size_t)snprintf(body + length, 64, "{\"create\":{\"_index\":\"logs-2026.11.24\"}}\n");
            length += (size_t)write_document(body + length, 4000, done++);
            count++;
        }
        record_header header = {(uint32_t)length, (uint32_t)count, (uint32_t)requests, (uint32_t)(requests % shards)};
        fwrite(&header, sizeof header, 1, file);
        fwrite(body, 1, length, file);
        bytes += length;
        requests++;
    }
    if (fclose(file) != 0) {
        perror(path);
        return 1;
    }
    printf("{\"documents\": %ld, \"requests\": %ld, \"bytes\": %llu}\n", documents, requests, bytes);
    return 0;
}

// MARK: Parsing

typedef struct {
    const char *name, *value;
    uint32_t name_length, value_length;
} field;

// One document's fields, flat, as a store would take them: every byte is looked at once, nothing is allocated.
typedef struct {
    field fields[FIELDS_MAX];
    int count;
} document;

static const char *string_end(const char *at, const char *end) {
    for (; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    return at;
}

// Reads the object that begins at `at`; gives where it ends, or NULL when it is none.
static const char *read_object(const char *at, const char *end, document *found, int depth) {
    if (depth > DEPTH_MAX || at >= end || *at != '{') return NULL;
    at++;
    while (at < end && *at != '}') {
        if (*at != '"') return NULL;
        const char *name = ++at;
        at = string_end(at, end);
        const char *name_end = at++;
        if (at >= end || *at++ != ':') return NULL;
        const char *value = at;
        if (*at == '{') {
            at = read_object(at, end, found, depth + 1);
            if (!at) return NULL;
        } else {
            if (*at == '"') {
                value = ++at;
                at = string_end(at, end);
            } else {
                while (at < end && *at != ',' && *at != '}') at++;
            }
            if (found->count == FIELDS_MAX) return NULL;
            found->fields[found->count++] =
                (field){name, value, (uint32_t)(name_end - name), (uint32_t)(at - value)};
            if (at < end && *at == '"') at++;
        }
        if (at < end && *at == ',') at++;
    }
    return at < end ? at + 1 : NULL;
}

// Parses every body and copies each value into a ring, as a store of the newest documents must.
static long parse_all(const char *bytes, size_t size, char *ring, size_t ring_size, unsigned long long counts[6]) {
    long documents = 0;
    size_t ring_at = 0;
    document found;
    for (size_t offset = 0; offset + sizeof(record_header) <= size;) {
        record_header header;
        memcpy(&header, bytes + offset, sizeof header);
        const char *at = bytes + offset + sizeof header, *end = at + header.length;
        offset += sizeof header + header.length;
        while (at < end) {
            const char *line_end = memchr(at, '\n', (size_t)(end - at));
            if (!line_end) break;
            at = line_end + 1;  // the action
            found.count = 0;
            const char *after = read_object(at, end, &found, 0);
            if (!after) return -1;
            at = after + 1;
            for (int index = 0; index < found.count; index++) {
                const field *one = &found.fields[index];
                if (ring_at + one->value_length + 8 > ring_size) ring_at = 0;
                memcpy(ring + ring_at, &one->value_length, 4);
                memcpy(ring + ring_at + 4, one->value, one->value_length);
                ring_at += one->value_length + 4;
                if (one->name_length == 6 && memcmp(one->name, "status", 6) == 0) counts[one->value[0] % 6]++;
            }
            documents++;
        }
    }
    return documents;
}

// CPU time, so that a busy machine does not count.
static double cpu_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int limit(const char *path, long core) {
    pin_to((int)core);
    int file = open(path, O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) {
        perror(path);
        return 1;
    }
    size_t size = (size_t)status.st_size, ring_size = 256 << 20;
    const char *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    if (bytes == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    char *ring = room_for(ring_size);
    memset(ring, 0, ring_size);
    double best = 1e9;
    long documents = 0;
    unsigned long long counts[6] = {0};
    for (int index = 0; index < REPETITIONS; index++) {
        double began = cpu_seconds();
        documents = parse_all(bytes, size, ring, ring_size, counts);
        double seconds = cpu_seconds() - began;
        if (documents < 0) {
            fprintf(stderr, "logs: a document cannot be read\n");
            return 1;
        }
        if (seconds < best) best = seconds;
    }
    printf("{\"documents\": %ld, \"documents_per_s\": %.0f, \"mb_per_s\": %.1f, \"errors\": %llu}\n", documents,
           (double)documents / best, (double)size / best / 1e6, counts[5]);
    return 0;
}

int main(int count, char **arguments) {
    long documents = 200000, per_request = 500, shards = 4, core = -1;
    struct {
        const char *name;
        long *value;
    } options[] = {{"--documents", &documents}, {"--per-request", &per_request}, {"--shards", &shards}, {"--core", &core}};
    for (int index = 3; index < count; index += 2) {
        long *value = NULL;
        for (size_t each = 0; each < sizeof options / sizeof *options; each++)
            if (strcmp(options[each].name, arguments[index]) == 0) value = options[each].value;
        if (!value || index + 1 == count) {
            fprintf(stderr, "logs: unknown option or missing value: %s\n", arguments[index]);
            return 2;
        }
        *value = atol(arguments[index + 1]);
    }
    if (count >= 3 && strcmp(arguments[1], "generate") == 0 && documents > 0 && per_request > 0 && shards > 0)
        return generate(arguments[2], documents, per_request, shards);
    if (count >= 3 && strcmp(arguments[1], "limit") == 0) return limit(arguments[2], core);
    fprintf(stderr, "usage: logs generate FILE [--documents N] [--per-request M] [--shards S] | logs limit FILE [--core N]\n");
    return 2;
}
