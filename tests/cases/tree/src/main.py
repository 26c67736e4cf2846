def work(x):
    print(x)
