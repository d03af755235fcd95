//! The pure parts that every frame passes: reading ops, putting changes into frames, writing frames, and where shapes are.
#![allow(missing_docs, reason = "criterion's macros make functions without them")]
#![allow(clippy::pedantic, reason = "benches are short")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pgcanvas::db::calls::LoggedChange;
use pgcanvas::model::Seq;
use pgcanvas::model::geometry::{ShapeGeometry, bounds, grid_box};
use pgcanvas::protocol::{decode, encode};
use pgcanvas::room::frames::Framer;

const SHAPE: &str = concat!(
    r##"{"id":"shape-017-0042","kind":"rectangle","x":1234.5,"y":-678.25,"width":120,"height":80,"angle":0,"##,
    r##""stroke_color":"#1e1e1e","background_color":"#a5d8ff","fill_style":"solid","stroke_width":2,"opacity":100,"##,
    r##""props":{"roundness":3}}"##
);

fn frame(ops: usize) -> String {
    let op = format!(r#"{{"op":"put","shape":{SHAPE}}}"#);
    let all = vec![op; ops].join(",");
    format!(r#"{{"type":"ops","room":"design","op_id":7,"ops":[{all}]}}"#)
}

fn seq(number: i64) -> Seq {
    number.to_string().parse().unwrap_or_else(|_| unreachable!("numbers here are small"))
}

fn decoding(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for ops in [1, 64] {
        let text = frame(ops);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("ops/{ops}"), |bencher| {
            bencher.iter(|| decode::decode(black_box(&text)))
        });
    }
    let patch =
        r#"{"type":"ops","room":"design","op_id":7,"ops":[{"op":"patch","id":"a","set":{"x":1.5,"y":2.5}}]}"#;
    group.bench_function("patch", |bencher| bencher.iter(|| decode::decode(black_box(patch))));
    group.finish();
}

fn framing(criterion: &mut Criterion) {
    let head =
        |number| format!(r#"{{"seq":{number},"by":"guest","client":null,"op_id":1,"at":"now","changes":["#);
    let change = format!(r#"{{"op":"put","shape":{SHAPE}}}"#);
    let logged = |n: i64| LoggedChange {
        seq: seq(1 + n / 4),
        ordinal: n,
        head: head(1 + n / 4),
        change: change.clone(),
    };
    let changes: Vec<LoggedChange> = (0..2_000).map(logged).collect();
    criterion.bench_function("framer/2000 changes in 500 batches", |bencher| {
        bencher.iter(|| {
            let mut framer = Framer::new(seq(0), []);
            changes.iter().for_each(|change| framer.push(change));
            framer.end();
            framer.take()
        });
    });
}

fn encoding(criterion: &mut Criterion) {
    let batch = format!(r#"{{"seq":2,"changes":[{{"op":"put","shape":{SHAPE}}}]}}"#);
    criterion.bench_function("encode/changes", |bencher| {
        bencher.iter(|| encode::changes(black_box("design"), seq(1), seq(2), black_box(&batch), false));
    });
}

fn geometry(criterion: &mut Criterion) {
    let points = |count: u32| (0..count).map(|n| [f64::from(n), f64::from(n * n % 97)]).collect();
    let shape = |kind: &str, angle, points| ShapeGeometry {
        kind: kind.to_owned(),
        x: 10.0,
        y: 20.0,
        width: 120.0,
        height: 80.0,
        angle,
        points,
        stroke_width: Some(2.0),
    };
    let shapes = [
        ("box", shape("rectangle", 0.0, Vec::new())),
        ("turned ellipse", shape("ellipse", 0.7, Vec::new())),
        ("turned stroke of 1000 points", shape("freedraw", 0.7, points(1_000))),
    ];
    for (name, shape) in &shapes {
        criterion.bench_function(format!("bounds/{name}").as_str(), |bencher| {
            bencher.iter(|| grid_box(bounds(black_box(shape))));
        });
    }
}

criterion_group!(benches, decoding, framing, encoding, geometry);
criterion_main!(benches);
