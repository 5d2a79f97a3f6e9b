// pull_floor FOLDER BLOB...: what a pull costs at least. Two threads take the layer blobs one by one: both SHA-256, inflate
// (gzip by ISA-L, zstd), and the files of the tar put below FOLDER/N by an unpacker without any check; one syncfs at the
// end. Prints seconds of wall time and of CPU. `tools/bench` compiles it; nothing of the engine is in it.
#define _GNU_SOURCE
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

enum { BLOCK = 512, PIECE = 256 * 1024 };

static void must(int ok, const char* what) {
    if (ok) return;
    perror(what);
    _exit(70);
}

struct tar {
    int root, folder, file;  // folder: the one that the last file was in, named by `where`
    char where[4096], path[4096], link[4096];
    unsigned char head[BLOCK], pax[65536];
    size_t have, pax_have;
    uint64_t left, padding;
    int is_pax;
    mode_t mode;
};

static uint64_t octal(const unsigned char* s, int n) {
    uint64_t value = 0;
    for (int i = 0; i < n && s[i]; ++i)
        if (s[i] >= '0' && s[i] <= '7') value = value * 8 + (uint64_t)(s[i] - '0');
    return value;
}

static int folder_of(struct tar* t, char** name) {
    char* slash = strrchr(t->path, '/');
    if (!slash) return *name = t->path, t->root;
    *slash = 0;
    *name = slash + 1;
    if (t->folder < 0 || strcmp(t->where, t->path)) {
        if (t->folder >= 0) close(t->folder);
        strcpy(t->where, t->path);
        t->folder = openat(t->root, t->path, O_PATH | O_DIRECTORY);
    }
    return t->folder;
}

static void entry(struct tar* t) {
    unsigned char* h = t->head;
    t->left = octal(h + 124, 12);
    t->padding = (BLOCK - t->left % BLOCK) % BLOCK;
    t->is_pax = h[156] == 'x' || h[156] == 'g';
    t->pax_have = 0;
    if (t->is_pax) return;
    if (!t->path[0]) snprintf(t->path, sizeof t->path, "%.155s%s%.100s", h + 345, h[345] ? "/" : "", h);
    snprintf(t->link, sizeof t->link, "%.100s", h + 157);
    size_t n = strlen(t->path);
    if (n && t->path[n - 1] == '/') t->path[n - 1] = 0;
    t->mode = (mode_t)octal(h + 100, 8);
    char* name;
    int at = folder_of(t, &name);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)octal(h + 136, 12)}};
    if (h[156] == '5') mkdirat(at, name, t->mode);
    else if (h[156] == '2') (void)!symlinkat(t->link, at, name);
    else if (h[156] == '1') linkat(t->root, t->link, at, name, 0);
    else if (h[156] == '0') {
        t->file = openat(at, name, O_CREAT | O_WRONLY | O_TRUNC, t->mode);
        must(t->file >= 0, name);
        (void)!fchown(t->file, 0, 0);
        futimens(t->file, times);
    }
    t->path[0] = 0;
}

static void entry_end(struct tar* t) {
    if (t->file >= 0) close(t->file), t->file = -1;
    if (!t->is_pax) return;
    t->is_pax = 0;
    for (unsigned char *p = t->pax, *end = p + t->pax_have; p < end;) {  // "LENGTH path=VALUE\n"
        size_t length = strtoul((char*)p, NULL, 10);
        unsigned char* key = memchr(p, ' ', (size_t)(end - p));
        if (!length || !key) break;
        if (!strncmp((char*)key + 1, "path=", 5))
            snprintf(t->path, sizeof t->path, "%.*s", (int)(p + length - 1 - (key + 6)), (char*)key + 6);
        p += length;
    }
}

static void feed(struct tar* t, const unsigned char* data, size_t n) {
    while (n) {
        size_t take;
        if (t->left) {
            take = n < t->left ? n : (size_t)t->left;
            if (t->file >= 0) must(write(t->file, data, take) == (ssize_t)take, "write");
            else if (t->is_pax && t->pax_have + take < sizeof t->pax) memcpy(t->pax + t->pax_have, data, take), t->pax_have += take;
            t->left -= take;
            if (!t->left) entry_end(t);
        } else if (t->padding) {
            take = n < t->padding ? n : (size_t)t->padding;
            t->padding -= take;
        } else {
            take = BLOCK - t->have < n ? BLOCK - t->have : n;
            memcpy(t->head + t->have, data, take);
            t->have += take;
            if (t->have == BLOCK) {
                t->have = 0;
                if (t->head[0]) {
                    entry(t);
                    if (!t->left) entry_end(t);
                }
            }
        }
        data += take;
        n -= take;
    }
}

static char** blobs;
static int count, next, root;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void layer(int number) {
    char name[32];
    snprintf(name, sizeof name, "%d", number);
    mkdirat(root, name, 0755);
    struct tar* t = calloc(1, sizeof *t);
    t->root = openat(root, name, O_PATH | O_DIRECTORY);
    t->file = t->folder = -1;
    EVP_MD_CTX *packed = EVP_MD_CTX_new(), *plain = EVP_MD_CTX_new();
    EVP_DigestInit_ex(packed, EVP_sha256(), NULL);
    EVP_DigestInit_ex(plain, EVP_sha256(), NULL);
    unsigned char *in = malloc(PIECE), *out = malloc(PIECE), md[64];
    struct inflate_state* gzip = malloc(sizeof *gzip);
    isal_inflate_init(gzip);
    gzip->crc_flag = ISAL_GZIP;
    ZSTD_DStream* zstd = ZSTD_createDStream();
    int blob = open(blobs[number], O_RDONLY | O_CLOEXEC), is_zstd = -1;
    must(blob >= 0, blobs[number]);
    for (ssize_t got; (got = read(blob, in, PIECE)) > 0;) {
        if (is_zstd < 0) is_zstd = in[0] == 0x28;
        EVP_DigestUpdate(packed, in, (size_t)got);
        gzip->next_in = in;
        gzip->avail_in = (uint32_t)got;
        ZSTD_inBuffer source = {in, (size_t)got, 0};
        size_t made;
        do {
            if (is_zstd) {
                ZSTD_outBuffer target = {out, PIECE, 0};
                must(!ZSTD_isError(ZSTD_decompressStream(zstd, &target, &source)), "zstd");
                made = target.pos;
            } else {
                gzip->next_out = out;
                gzip->avail_out = PIECE;
                must(isal_inflate(gzip) >= 0, "inflate");
                made = PIECE - gzip->avail_out;
            }
            EVP_DigestUpdate(plain, out, made);
            feed(t, out, made);
        } while (made == PIECE || (is_zstd && source.pos < source.size));
    }
    EVP_DigestFinal_ex(packed, md, NULL);
    EVP_DigestFinal_ex(plain, md, NULL);
    close(blob);
    close(t->root);
}

static void* worker(void* unused) {
    for (;;) {
        pthread_mutex_lock(&lock);
        int mine = next++;
        pthread_mutex_unlock(&lock);
        if (mine >= count) return unused;
        layer(mine);
    }
}

int main(int argc, char** argv) {
    must(argc > 2, "usage: pull_floor FOLDER BLOB...");
    umask(0);
    blobs = argv + 2;
    count = argc - 2;
    root = open(argv[1], O_RDONLY | O_DIRECTORY);
    must(root >= 0, argv[1]);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    pthread_t other;
    pthread_create(&other, NULL, worker, NULL);
    worker(NULL);
    pthread_join(other, NULL);
    must(!syncfs(root), "syncfs");
    clock_gettime(CLOCK_MONOTONIC, &end);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("%f %f\n", (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
           (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    return 0;
}
