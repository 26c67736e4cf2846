"""Runs in a virtual environment that has conducto: `of_conducto.py BASE INSTALLED PACKAGE…`; prints JSON.

It starts containers of BASE to see what is in it. INSTALLED names the image of the first stage.
"""

import asyncio
import json
import sys

from conducto.image import dockerfile

user_of = dockerfile._get_user_str


async def user_or_none(image: str) -> str:
    try:
        return await user_of(image)
    except KeyError:  # newer engines name no user where there is none
        return ""


dockerfile._get_user_str = user_or_none
base, installed, *packages = sys.argv[1:]
stages = {
    "install": asyncio.run(dockerfile.text_for_install(base, packages, ["jq"], False, None)),
    "copy": dockerfile.text_for_copy(installed, True, {}),
}
print(json.dumps(stages))
