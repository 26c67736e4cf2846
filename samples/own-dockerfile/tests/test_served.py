import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen


def test_served() -> None:
    with subprocess.Popen([sys.executable, "-m", "service", "8000"], cwd="/srv") as service:
        try:
            assert answer("http://127.0.0.1:8000/Ada") == "Good morning, Ada!\n"
        finally:
            service.terminate()


def answer(url: str) -> str:
    """What is served there, once somebody serves."""
    for _ in range(50):
        try:
            with urlopen(url) as response:
                return response.read().decode()
        except URLError:
            time.sleep(0.1)
    raise AssertionError("nobody answers")
