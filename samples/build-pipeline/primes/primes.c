#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    int most = argc > 1 ? atoi(argv[1]) : 10;
    for (int n = 2; n <= most; n++) {
        int d = 2;
        while (d * d <= n && n % d)
            d++;
        if (d * d > n)
            printf("%d ", n);
    }
    puts("");
    return 0;
}
