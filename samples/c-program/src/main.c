#include <stdio.h>
#include <stdlib.h>

#include "sieve.h"

int main(int argc, char **argv)
{
    size_t size = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    bool *prime = calloc(size, sizeof *prime);

    if (size == 0 || prime == NULL) {
        fprintf(stderr, "usage: primes LIMIT\n");
        return 2;
    }
    sieve(prime, size);
    for (size_t n = 0; n < size; n++)
        if (prime[n])
            printf("%zu ", n);
    printf("\n");
    free(prime);
    return 0;
}
