import helper
import six


def main() -> None:
    assert helper.HELPS
    print("six", six.__version__)
