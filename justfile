# Names for what cargo does alone.

# the whole story against real servers on loopback
demo:
    cargo run --release -- demo

# everything that continuous integration runs
ci:
    bash .ci/run

test:
    cargo test --workspace

# every row of the catalogues with its tests; prints the uncovered ones
trace:
    cargo test --package zeni --test system -- --nocapture trace::

# mutants of verification, ledger, register and card state
mutants:
    cargo mutants --package zeni-note --package zeni-ledger --package zeni-card --package zeni-issuer --no-shuffle

bench:
    cargo run --release -- bench all

# one fuzz target (apdu, card, chain, codec, documents, key_file, payment, text), with the stable compiler
fuzz target seconds="60":
    cargo fuzz run --sanitizer none {{target}} -- -max_total_time={{seconds}}
