//! The scenarios under criterion, with its statistics and comparison of runs. Times are processor time.

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use zeni_bench::{Cache, Payee, Redeems, Returns, Settings, Shape, Signing, Size, Withdrawals};

const BATCH: usize = 1_024;
const NOTES: usize = 128;

fn settings() -> Settings {
    Settings { size: Size::Full, directory: std::env::temp_dir() }
}

fn sum(iterations: u64, mut one: impl FnMut() -> Duration) -> Duration {
    (0..iterations).map(|_| one()).sum()
}

fn blind(criterion: &mut Criterion) {
    let signing = Signing::new(1);
    criterion.bench_function("blind/signature", |bencher| {
        bencher.iter_custom(|iterations| sum(iterations, || signing.measure()));
    });
    let mut withdrawals = Withdrawals::open(&settings()).expect("a bank comes up");
    let mut group = criterion.benchmark_group("blind/withdraw");
    group.sample_size(10).throughput(Throughput::Elements(32 * 6));
    group.bench_function("6 in an order", |bencher| {
        bencher.iter_custom(|iterations| sum(iterations, || withdrawals.measure(32, 6, 32).expect("orders")));
    });
}

fn redeem(criterion: &mut Criterion) {
    let mut redeems = Redeems::open(&settings()).expect("an issuer comes up");
    let mut group = criterion.benchmark_group("redeem");
    group.sample_size(10).throughput(Throughput::Elements(NOTES as u64));
    group.bench_function("64 at a time", |bencher| {
        bencher.iter_custom(|iterations| sum(iterations, || redeems.measure(NOTES, 64).expect("notes")));
    });
}

fn payee(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("payee");
    for endorsements in [1, 5, 16] {
        let payee = Payee::new(1, endorsements);
        group.bench_function(BenchmarkId::from_parameter(endorsements), |bencher| {
            bencher.iter_custom(|iterations| sum(iterations, || black_box(payee.measure()).expect("a good payment")));
        });
    }
}

fn returns(criterion: &mut Criterion) {
    let mut returns = Returns::open(&settings()).expect("an issuer comes up");
    let mut group = criterion.benchmark_group("return");
    group.sample_size(10).throughput(Throughput::Elements(BATCH as u64));
    for endorsements in [1, 5, 16] {
        for cache in [Cache::Warm, Cache::Cold] {
            let name = BenchmarkId::new(format!("{cache:?}").to_lowercase(), endorsements);
            let shape = Shape::sound(BATCH, endorsements);
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|iterations| sum(iterations, || returns.measure(shape, cache).expect("a batch")));
            });
        }
    }
}

fn hand_in(criterion: &mut Criterion) {
    let mut returns = Returns::open(&settings()).expect("an issuer comes up");
    let mut group = criterion.benchmark_group("hand-in");
    group.sample_size(10).throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("warm", |bencher| {
        bencher.iter_custom(|iterations| {
            sum(iterations, || returns.measure_hand_in(BATCH, Cache::Warm).expect("a batch"))
        });
    });
}

criterion_group!(operations, blind, redeem, payee, returns, hand_in);
criterion_main!(operations);
