#ifndef SIEVE_H
#define SIEVE_H

#include <stdbool.h>
#include <stddef.h>

/* Sets prime[n] for every n below size: whether n is a prime number. */
void sieve(bool *prime, size_t size);

#endif
