"""main.py PRICE COUNT"""

import sys

from prices import total

price, count = map(int, sys.argv[1:])
print(f"{count} for {price} each: {total(price, count)}")
