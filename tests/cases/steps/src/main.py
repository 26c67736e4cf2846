import sys


def work(times):
    print("work" * times, sys.stdin.read())
