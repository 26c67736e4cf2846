"""report.py LIMIT: prints the largest figures of $REGION."""

import logging
import os
import sys

from pythonjsonlogger import jsonlogger
from tabulate import tabulate

from figures import best

handler = logging.StreamHandler()
handler.setFormatter(jsonlogger.JsonFormatter("%(levelname)s %(message)s"))
logging.basicConfig(level=logging.INFO, handlers=[handler])

if not os.environ.get("TOKEN"):
    sys.exit("no token")
logging.info("asking", extra={"region": os.environ["REGION"], "with_token": True})
print(tabulate(best(os.environ["REGION"], int(sys.argv[1])), headers=["town", "figure"]))
