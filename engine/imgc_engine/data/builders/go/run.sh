cd /pfs/build
exec ./main "$@"
