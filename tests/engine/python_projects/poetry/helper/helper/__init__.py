HELPS = True
