/* ringlog: keep the last lines of a stream, and print them when a pattern shows up.
 *
 *     long-running-command | ringlog -n 50 'panicked at'
 *
 * Prints the 50 lines before each line that contains the pattern, and the line itself. Lines are never
 * printed twice. Exit status: 0 when the pattern was seen, 1 when not, 2 on errors.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
    char *text;
    size_t length;
    size_t capacity;
};

struct ring {
    struct line *lines;
    size_t size;   /* how many lines fit */
    size_t first;  /* the oldest one */
    size_t count;  /* how many are there */
};

static void *checked_realloc(void *memory, size_t size)
{
    void *moved = realloc(memory, size ? size : 1);
    if (!moved) {
        fprintf(stderr, "ringlog: out of memory\n");
        exit(2);
    }
    return moved;
}

static void ring_init(struct ring *ring, size_t size)
{
    ring->lines = checked_realloc(NULL, size * sizeof *ring->lines);
    memset(ring->lines, 0, size * sizeof *ring->lines);
    ring->size = size;
    ring->first = 0;
    ring->count = 0;
}

/* The slot for the next line. It reuses the memory of the oldest one when the ring is full. */
static struct line *ring_next(struct ring *ring)
{
    size_t place = (ring->first + ring->count) % ring->size;
    if (ring->count == ring->size)
        ring->first = (ring->first + 1) % ring->size;
    else
        ring->count++;
    return &ring->lines[place];
}

static void ring_print(struct ring *ring, FILE *out)
{
    size_t i;
    for (i = 0; i < ring->count; i++) {
        struct line *line = &ring->lines[(ring->first + i) % ring->size];
        fwrite(line->text, 1, line->length, out);
    }
    ring->count = 0;
}

static void ring_free(struct ring *ring)
{
    size_t i;
    for (i = 0; i < ring->size; i++)
        free(ring->lines[i].text);
    free(ring->lines);
}

/* Reads one line with its newline. Returns 0 at the end of the input. */
static int read_line(struct line *line, FILE *in)
{
    int letter;
    line->length = 0;
    while ((letter = getc(in)) != EOF) {
        if (line->length + 1 >= line->capacity) {
            line->capacity = line->capacity ? line->capacity * 2 : 128;
            line->text = checked_realloc(line->text, line->capacity);
        }
        line->text[line->length++] = (char)letter;
        if (letter == '\n')
            break;
    }
    return line->length > 0;
}

/* Like strstr, for text that may contain zeros. */
static int contains(const char *text, size_t length, const char *pattern, size_t pattern_length)
{
    size_t i;
    if (pattern_length == 0)
        return 1;
    for (i = 0; i + pattern_length <= length; i++) {
        const char *start = memchr(text + i, pattern[0], length - i - pattern_length + 1);
        if (!start)
            return 0;
        i = (size_t)(start - text);
        if (memcmp(start, pattern, pattern_length) == 0)
            return 1;
    }
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: ringlog [-n LINES] PATTERN\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct ring ring;
    struct line current = {0};
    size_t size = 20;
    const char *pattern;
    size_t pattern_length;
    int found = 0, argument = 1;

    if (argument + 1 < argc && strcmp(argv[argument], "-n") == 0) {
        char *end;
        unsigned long value;
        errno = 0;
        value = strtoul(argv[argument + 1], &end, 10);
        if (errno || *end || value == 0 || value > 1000000)
            return usage();
        size = value;
        argument += 2;
    }
    if (argument + 1 != argc)
        return usage();
    pattern = argv[argument];
    pattern_length = strlen(pattern);

    ring_init(&ring, size);
    while (read_line(&current, stdin)) {
        if (contains(current.text, current.length, pattern, pattern_length)) {
            if (found && ring.count == ring.size)
                puts("--");
            ring_print(&ring, stdout);
            fwrite(current.text, 1, current.length, stdout);
            fflush(stdout);
            found = 1;
        } else {
            struct line *slot = ring_next(&ring);
            struct line spare = *slot;
            *slot = current;
            current = spare;
        }
    }
    if (ferror(stdin)) {
        perror("ringlog");
        return 2;
    }
    free(current.text);
    ring_free(&ring);
    return found ? 0 : 1;
}
