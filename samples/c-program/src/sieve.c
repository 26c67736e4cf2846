#include "sieve.h"

void sieve(bool *prime, size_t size)
{
    for (size_t n = 0; n < size; n++)
        prime[n] = n >= 2;
    for (size_t n = 2; n * n < size; n++)
        if (prime[n])
            for (size_t multiple = n * n; multiple < size; multiple += n)
                prime[multiple] = false;
}
