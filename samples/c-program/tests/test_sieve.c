#include <assert.h>
#include <stdio.h>

#include "sieve.h"

int main(void)
{
    bool prime[100];
    int count = 0;

    sieve(prime, 100);
    for (int n = 0; n < 100; n++)
        count += prime[n];
    assert(count == 25);
    assert(!prime[0] && !prime[1] && prime[2] && prime[97] && !prime[91]);
    sieve(prime, 1);
    assert(!prime[0]);
    puts("sieve: all tests passed");
    return 0;
}
