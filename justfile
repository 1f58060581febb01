# Lists the recipes.
default:
    @just --list

# A DAO with a hub and 5 members on a private regtest chain, and the terminal of one of them.
demo *args:
    cargo demo -- {{args}}

# Everything, against a real bitcoind.
test:
    cargo test --workspace

# Proof files judged by a real electrs, which is built first (ten minutes; on Debian 12 with clang, libclang-dev and librocksdb-dev).
electrs root=(cache_directory() / "althing/electrs"):
    @command -v clang > /dev/null && find /usr/lib -name librocksdb.so | grep -q . || { echo "electrs needs more: apt-get install clang libclang-dev librocksdb-dev"; exit 1; }
    ROCKSDB_INCLUDE_DIR=/usr/include ROCKSDB_LIB_DIR="$(dirname "$(find /usr/lib -name librocksdb.so | head -1)")" \
        cargo install electrs --version 0.10.10 --locked --root "{{root}}"
    ELECTRS_EXE="{{root}}/bin/electrs" cargo test --package althing-regtest --test e2e -- --ignored a_real_electrs

# Formatting, lints and documentation, each without a warning; and that the fuzz targets still compile, which need no option for that.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
    cargo check --manifest-path fuzz/Cargo.toml

# One fuzz target for some seconds (needs cargo-fuzz); without a name, the list.
fuzz target="" seconds="60":
    cd fuzz && if [ -z "{{target}}" ]; then cargo fuzz list; else RUSTC_BOOTSTRAP=1 cargo fuzz run {{target}} -- -max_total_time={{seconds}}; fi

# Measures of docs/performance.md into target/bench/summary.json: all, those with NAME in them, or all in ten minutes with --quick.
bench *args:
    cargo run --release --quiet -p althing-regtest --bin althing-bench -- {{args}}

# The pictures of docs/performance.md, from the last summary.
bench-charts:
    cargo run --release --quiet -p althing-regtest --bin althing-bench -- --charts docs/pictures

# The API documentation.
doc:
    cargo doc --workspace --no-deps --open
