// blast: posts every record of a load file over keep-alive HTTP/1.1 connections, one request in flight on each,
// from one thread. Prints one JSON object: rates, latencies, refusals, and the CPU of client and server.
//
//   blast FILE --port N [--connections 4] [--core N] [--pid SERVER] [--seconds-max 600] [--bulk 1]
//
// Bodies are remote write's; with --bulk they are `_bulk`'s.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "load.h"

enum { HEAD_MAX = 512, ANSWER_MAX = 1 << 20, CONNECTIONS_MAX = 256 };

typedef struct {
    int socket;             // -1 when it is done
    uint32_t *records;      // what it has to send, in order
    uint32_t count, room, current;
    char head[HEAD_MAX];
    size_t head_length, sent;
    const char *body;
    size_t body_length;
    double began;
    char answer[ANSWER_MAX];
    size_t answer_length;
} connection;

static const char *file_bytes;
static size_t *offsets;  // of the records
static char first_refusal[256];
static long is_bulk;

static record_header header_of(uint32_t record) {
    record_header header;
    memcpy(&header, file_bytes + offsets[record], sizeof header);
    return header;
}

static void begin_request(connection *one, int port) {
    uint32_t record = one->records[one->current];
    one->body = file_bytes + offsets[record] + sizeof(record_header);
    one->body_length = header_of(record).length;
    one->head_length = (size_t)snprintf(
        one->head, sizeof one->head,
        is_bulk ? "POST /_bulk HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: blast\r\n"
                  "Content-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n" :
        "POST /api/v1/write HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: blast\r\n"
        "Content-Encoding: snappy\r\nContent-Type: application/x-protobuf\r\n"
        "X-Prometheus-Remote-Write-Version: 0.1.0\r\nContent-Length: %zu\r\n\r\n",
        port, one->body_length);
    one->sent = one->answer_length = 0;
    one->began = now_seconds();
}

// Writes until all is sent or the socket is full; false when the connection broke.
static int send_rest(connection *one) {
    size_t total = one->head_length + one->body_length;
    while (one->sent < total) {
        struct iovec parts[2];
        int count = 0;
        if (one->sent < one->head_length)
            parts[count++] = (struct iovec){one->head + one->sent, one->head_length - one->sent};
        size_t of_body = one->sent > one->head_length ? one->sent - one->head_length : 0;
        parts[count++] = (struct iovec){(char *)one->body + of_body, one->body_length - of_body};
        ssize_t written = writev(one->socket, parts, count);
        if (written < 0) return errno == EAGAIN || errno == EINTR;
        one->sent += (size_t)written;
    }
    return 1;
}

// 0: the answer is not whole yet, else its status.
static int whole_answer(connection *one) {
    one->answer[one->answer_length] = 0;
    char *head_end = strstr(one->answer, "\r\n\r\n");
    if (!head_end || one->answer_length < 12) return 0;
    int status = atoi(one->answer + 9);
    const char *body = head_end + 4;
    size_t have = one->answer_length - (size_t)(body - one->answer);
    char *length = strcasestr(one->answer, "\r\nContent-Length:");
    char *chunked = strcasestr(one->answer, "\r\nTransfer-Encoding: chunked");
    if (chunked && chunked < head_end)
        return have >= 5 && memcmp(body + have - 5, "0\r\n\r\n", 5) == 0 ? status : 0;
    size_t wanted = length && length < head_end ? (size_t)atol(length + 17) : 0;
    return have >= wanted ? status : 0;
}

static void note_refusal(const char *text) {
    if (first_refusal[0]) return;
    memcpy(first_refusal, text, strnlen(text, sizeof first_refusal - 1));
    for (char *each = first_refusal; *each; each++)
        if (*each == '"' || *each == '\\' || (unsigned char)*each < 32) *each = ' ';
}

static double cpu_seconds(int pid) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    unsigned long user = 0, kernel = 0;
    char *after_name = strrchr(text, ')');
    if (after_name)
        sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static int open_connection(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int descriptor = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (descriptor < 0 || connect(descriptor, (void *)&address, sizeof address) != 0) {
        perror("connect");
        exit(1);
    }
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(descriptor, F_SETFL, O_NONBLOCK);
    return descriptor;
}

static double seconds_of(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec * 1e-6; }

int main(int count, char **arguments) {
    long port = 0, connections = 4, core = -1, pid = 0, seconds_max = 600;
    struct {
        const char *name;
        long *value;
    } options[] = {{"--port", &port}, {"--connections", &connections}, {"--core", &core},
                   {"--pid", &pid},   {"--seconds-max", &seconds_max},   {"--bulk", &is_bulk}};
    for (int index = 2; index < count; index += 2) {
        long *value = NULL;
        for (size_t each = 0; each < sizeof options / sizeof *options; each++)
            if (strcmp(options[each].name, arguments[index]) == 0) value = options[each].value;
        if (!value || index + 1 == count) {
            fprintf(stderr, "blast: unknown option or missing value: %s\n", arguments[index]);
            return 2;
        }
        *value = atol(arguments[index + 1]);
    }
    if (count < 2 || port <= 0 || connections < 1 || connections > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: blast FILE --port N [--connections 1...%d] [--core N] [--pid SERVER] "
                        "[--seconds-max N] [--bulk 1]\n", CONNECTIONS_MAX);
        return 2;
    }
    pin_to((int)core);

    int file = open(arguments[1], O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0 || status.st_size == 0) {
        perror(arguments[1]);
        return 1;
    }
    size_t size = (size_t)status.st_size;
    file_bytes = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    if (file_bytes == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    uint32_t records = 0;
    for (size_t offset = 0; offset + sizeof(record_header) <= size; records++) {
        record_header header;
        memcpy(&header, file_bytes + offset, sizeof header);
        offset += sizeof header + header.length;
    }
    offsets = room_for(((size_t)records + 1) * sizeof *offsets);
    double *latencies = room_for(((size_t)records + 1) * sizeof *latencies);
    connection *all = calloc((size_t)connections, sizeof *all);
    if (!all) return 1;
    size_t offset = 0;
    for (uint32_t record = 0; record < records; record++) {
        offsets[record] = offset;
        record_header header = header_of(record);
        offset += sizeof header + header.length;
        connection *one = &all[header.shard % (uint32_t)connections];
        if (one->count == one->room) {
            one->room = one->room ? one->room * 2 : 64;
            one->records = realloc(one->records, (size_t)one->room * sizeof *one->records);
            if (!one->records) return 1;
        }
        one->records[one->count++] = record;
    }

    int events = epoll_create1(0), open_count = 0;
    for (long index = 0; index < connections; index++) {
        connection *one = &all[index];
        one->socket = -1;
        if (one->count == 0) continue;
        one->socket = open_connection((int)port);
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = one};
        epoll_ctl(events, EPOLL_CTL_ADD, one->socket, &event);
        open_count++;
    }
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    double server_cpu = pid ? cpu_seconds((int)pid) : 0, began = now_seconds();
    for (long index = 0; index < connections; index++)
        if (all[index].socket >= 0) begin_request(&all[index], (int)port);

    uint64_t samples = 0, refusals = 0;
    uint32_t done = 0;
    struct epoll_event ready[64];
    while (open_count > 0 && now_seconds() - began < (double)seconds_max) {
        int ready_count = epoll_wait(events, ready, 64, 1000);
        for (int index = 0; index < ready_count; index++) {
            connection *one = ready[index].data.ptr;
            while (one->socket >= 0) {
                int is_broken = !send_rest(one);
                ssize_t got = read(one->socket, one->answer + one->answer_length,
                                   ANSWER_MAX - 1 - one->answer_length);
                if (got < 0 && errno == EAGAIN && !is_broken) break;
                if (got <= 0 || is_broken) {
                    note_refusal("the server closed the connection");
                    refusals++;
                    close(one->socket);
                    one->socket = -1;
                    open_count--;
                    break;
                }
                one->answer_length += (size_t)got;
                int answer = whole_answer(one);
                if (answer == 0) continue;
                latencies[done++] = now_seconds() - one->began;
                if (answer / 100 == 2) {
                    samples += header_of(one->records[one->current]).samples;
                } else {
                    note_refusal(one->answer);
                    refusals++;
                }
                if (++one->current < one->count) {
                    begin_request(one, (int)port);
                } else {
                    close(one->socket);
                    one->socket = -1;
                    open_count--;
                }
            }
        }
    }
    double seconds = now_seconds() - began;
    server_cpu = pid ? cpu_seconds((int)pid) - server_cpu : 0;
    getrusage(RUSAGE_SELF, &after);
    double client_cpu = seconds_of(after.ru_utime) + seconds_of(after.ru_stime) -
                        seconds_of(before.ru_utime) - seconds_of(before.ru_stime);
    qsort(latencies, done, sizeof *latencies, compare_doubles);
    printf("{\"requests\": %u, \"samples\": %llu, \"seconds\": %.4f, \"samples_per_s\": %.0f, "
           "\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"refusals\": %llu, \"unfinished\": %d, "
           "\"client_cpu_s\": %.3f, \"server_cpu_s\": %.3f, \"first_refusal\": \"%s\"}\n",
           done, (unsigned long long)samples, seconds, (double)samples / seconds,
           done ? latencies[done / 2] * 1e3 : 0, done ? latencies[done * 99ull / 100] * 1e3 : 0,
           (unsigned long long)refusals, open_count, client_cpu, server_cpu, first_refusal);
    return 0;
}
