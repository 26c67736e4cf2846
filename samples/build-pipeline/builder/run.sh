exec /pfs/build/program "$@"
