# What one does with this repository. `./just` finds or installs the `just` that runs it.

# Lists the recipes.
default:
    @just --list --unsorted

# Tidegate in front of two origins of its own: balances, loses one, gets it back.
demo *args:
    cargo run --release --quiet -- demo {{ args }}

# What the end-to-end tests run is built before them: a build takes longer than a test may.
# All tests. Installs the Debian packages that the end-to-end tests use, where it may.
test: peers lint planted
    cargo build --quiet --package tidegate
    {{ runner }} --workspace
    cargo test --doc --workspace --quiet

# The tests that need nothing but the toolchain.
test-quick:
    {{ runner }} --workspace --exclude e2e --exclude perf

# nextest where it is installed, for its speed; cargo's own runner elsewhere.
runner := if `cargo nextest --version >/dev/null 2>&1 && echo yes || echo no` == "yes" { "cargo nextest run --no-fail-fast" } else { "cargo test --no-fail-fast" }

# Debian's haproxy, nginx, Dovecot …: what the end-to-end tests run beside Tidegate.
peers:
    .ci/install-peers

# The simulation: `just sim` runs all seeds, `just sim seed=17` replays one.
sim args="":
    {{ if args == "" { "" } else { "TIDEGATE_SIM_SEED=" + trim_start_match(args, "seed=") } }} cargo test -p shard --test simulated -- --nocapture

# The simulation finds faults that are planted for it.
planted:
    cargo test -p shard --test simulated --features plant_short_send
    cargo test -p shard --test simulated --features plant_close_in_flight

# One of the targets `heads`, `contents`, `connections` under libFuzzer, from the table of exchanges on: `just fuzz connections 600`.
fuzz target="connections" seconds="60":
    cargo run --quiet -p fuzz --example corpus -- fuzz/corpus/{{ target }}
    RUSTFLAGS="{{ instrumented }}" cargo run --release --quiet --manifest-path fuzz/Cargo.toml --target-dir target/fuzz \
        --target {{ host }} --bin {{ target }} -- -max_total_time={{ seconds }} -max_len=4096 fuzz/corpus/{{ target }}

# What `cargo fuzz` asks of the compiler, as far as it needs no nightly: coverage, and no sanitizer.
instrumented := "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"

# Named, so that build scripts are not instrumented.
host := `rustc -vV | sed -n 's/^host: //p'`

# Every byte of very many flows, on haproxy and on both engines: `just soak` checks 20 GB on each, `just soak 5 7` 5 GB with seed 7.
soak gigabytes="20" seed="1": peers
    TIDEGATE_PROFILE=release TIDEGATE_SOAK_GB={{ gigabytes }} TIDEGATE_SOAK_SEED={{ seed }} \
        cargo test --release -p e2e --test soak -- --nocapture --test-threads 1
    TIDEGATE_PROFILE=release TIDEGATE_OBJECT_MIB=1024 \
        cargo test --release -p e2e --test object_store a_large_object -- --test-threads 1

# A thousand reloads of a file that is never the same, at eight shards under load: `just soak-reload`, `just soak-reload 5000`.
soak-reload count="1000": peers
    TIDEGATE_PROFILE=release TIDEGATE_RELOADS={{ count }} \
        cargo test --release -p e2e --test reload many_unlike_reloads -- --nocapture

# Tidegate next to its peers: `just bench` runs what it relays, `just bench http` what it proxies over HTTP,
# `just bench tls` what TLS costs it, `just bench rr64` one.
bench *args: peers
    cargo run --release --quiet -p perf -- run {{ args }}

# The Debian package, under target/deb.
deb:
    cargo build --release --quiet -p tidegate
    configs/debian/build target/release/tidegate target/deb

# The oldest kernel that is promised, Debian 12's: boots it in a virtual machine and runs tests there, on io_uring and on epoll,
# with TLS in the kernel. `just vm epoll:kernel:` runs one of the suites.
vm *suites:
    crates/e2e/vm/run {{ suites }}

# Times of single parts.
bench-parts *args:
    cargo bench -p benches {{ args }}

# Instructions of single parts, which do not depend on how busy the machine is. Needs valgrind and gungraun-runner.
bench-instructions:
    cargo run --release --quiet -p perf -- instructions

# Formatting and lints, as CI wants them.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
