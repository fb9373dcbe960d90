//! Unpacking a pack's entries: libdeflate's one-shot call against zlib-rs's stream, on entries of source-like text.
//!
//! `cargo bench --bench inflate`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use keysweep::source::history::inflate::{Inflater, Stream};

/// Bytes of an entry, and how many entries.
const ENTRIES: [(usize, usize); 3] = [(200, 4000), (8 << 10, 200), (256 << 10, 8)];

/// Something like code: words, signs and numbers in lines.
fn text(size: usize, seed: u64) -> Vec<u8> {
    const WORDS: [&str; 12] =
        ["return", "buffer", "index", "length", "struct", "parse", "const", "self", "match", "token", "error", "value"];
    let (mut state, mut text) = (seed | 1, String::new());
    while text.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.push_str(WORDS[(state >> 40) as usize % WORDS.len()]);
        text.push_str([" ", ".", "(", ", ", " = ", ";\n    "][(state >> 20) as usize % 6]);
        if state & 7 == 0 {
            text.push_str(&(state >> 50).to_string());
        }
    }
    text.truncate(size);
    text.into_bytes()
}

fn inflate(criterion: &mut Criterion) {
    for (size, count) in ENTRIES {
        let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let entries: Vec<Vec<u8>> = (0..count)
            .map(|seed| {
                let text = text(size, 0x9E37_79B9 * (seed as u64 + 1));
                let mut packed = vec![0; compressor.zlib_compress_bound(text.len())];
                let length = compressor.zlib_compress(&text, &mut packed).expect("fits");
                packed.truncate(length);
                packed
            })
            .collect();
        let mut group = criterion.benchmark_group(format!("inflate/{size}"));
        group.throughput(Throughput::Bytes((size * count) as u64));
        let (mut inflater, mut out) = (Inflater::default(), Vec::new());
        group.bench_function("libdeflate", |bencher| {
            bencher.iter(|| {
                for entry in &entries {
                    inflater.inflate(entry, size as u64, &mut out).expect("sound");
                    black_box(&out);
                }
            });
        });
        let mut out = vec![0; size];
        group.bench_function("zlib-rs", |bencher| {
            bencher.iter(|| {
                for entry in &entries {
                    Stream::new(entry).read(&mut out).expect("sound");
                    black_box(&out);
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, inflate);
criterion_main!(benches);
