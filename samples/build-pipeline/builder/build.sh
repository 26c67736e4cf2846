# Runs in the working directory of the builder's image, with the code at /pfs/source.
set -e
gcc -O2 -static -o /pfs/out/program /pfs/source/*.c
cp run.sh /pfs/out/run.sh
