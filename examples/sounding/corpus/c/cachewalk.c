/* cachewalk: see the levels of the memory hierarchy.
 *
 * Follows a chain of pointers through a buffer of growing size, one random step after the other, so that
 * neither the prefetcher nor out-of-order execution can help. Prints nanoseconds for each step.
 */

#define _POSIX_C_SOURCE 199309L

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LINE 64
#define STEPS (1u << 22)

struct node {
    struct node *next;
    char padding[LINE - sizeof(struct node *)];
};

static uint64_t state = 88172645463325252ull;

/* Marsaglia's xorshift (2003): good enough to shuffle with. */
static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Joins all nodes to one circle in random order (Sattolo's algorithm gives a single cycle). */
static void shuffle(struct node *nodes, size_t *order, size_t count)
{
    size_t i;
    for (i = 0; i < count; i++)
        order[i] = i;
    for (i = count - 1; i > 0; i--) {
        size_t other = next_random() % i;
        size_t kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    for (i = 0; i < count; i++)
        nodes[i].next = &nodes[order[i]];
}

static double walk(struct node *nodes)
{
    struct node *node = nodes;
    unsigned step;
    double start = seconds();
    for (step = 0; step < STEPS; step++)
        node = node->next;
    /* The result has to be used, or the compiler removes the loop. */
    if (!node)
        abort();
    return (seconds() - start) / STEPS * 1e9;
}

int main(int argc, char **argv)
{
    size_t limit = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) << 20 : (size_t)64 << 20;
    size_t bytes;
    struct node *nodes;
    size_t *order;

    if (limit < 4096) {
        fprintf(stderr, "usage: cachewalk [MEGABYTES]\n");
        return 2;
    }
    nodes = malloc(limit);
    order = malloc(limit / LINE * sizeof *order);
    if (!nodes || !order) {
        fprintf(stderr, "cachewalk: out of memory\n");
        free(nodes);
        free(order);
        return 1;
    }
    for (bytes = 4096; bytes <= limit; bytes += bytes / 2) {
        size_t count = bytes / LINE;
        shuffle(nodes, order, count);
        walk(nodes);
        printf("%10zu kB %8.2f ns\n", bytes / 1024, walk(nodes));
        fflush(stdout);
    }
    free(nodes);
    free(order);
    return 0;
}
