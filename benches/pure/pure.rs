//! What prism computes at every start and at every prompt, without Engine, files and processes.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

use domain::identity::name::{ProjectName, SessionId};
use domain::identity::own::DIFF;
use domain::shell::Shell;
use domain::shell::layer::{Layer, Now, Offer, Sight};
use domain::stack::model::Model;
use domain::stack::overlay::{Facts, overlay};
use domain::stack::plan::plan;
use domain::stack::settings::Settings;
use domain::text::hash::content_hash;
use domain::text::{dotenv, yaml};
use domain::variable::Variable;

const MEGABYTE: usize = 1024 * 1024;

/// A resolved project of so many services, each with a port, a volume and somebody to wait for.
fn project(services: usize) -> Vec<u8> {
    let service = |index: usize| {
        let before = index.checked_sub(1).map_or_else(
            || serde_json::json!({}),
            |before| serde_json::json!({ format!("s{before}"): {"condition": "service_started", "required": true} }),
        );
        let body = serde_json::json!({
            "image": "postgres:17-alpine",
            "container_name": format!("fixed-{index}"),
            "environment": {"POSTGRES_PASSWORD": "secret", "INDEX": index.to_string()},
            "ports": [{"mode": "ingress", "target": 5432, "published": (5432 + index).to_string(), "protocol": "tcp"}],
            "volumes": [{"type": "volume", "source": "data", "target": "/data", "volume": {}}],
            "networks": {"default": null},
            "depends_on": before,
        });
        (format!("s{index}"), body)
    };
    let services: serde_json::Map<_, _> = (0..services).map(service).collect();
    let project = serde_json::json!({
        "name": "bench",
        "services": services,
        "networks": {"default": {"name": "bench_default", "ipam": {}}},
        "volumes": {"data": {"name": "bench_data"}},
    });
    project.to_string().into_bytes()
}

fn hashing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hash of inputs");
    for (name, size) in [("4 KiB", 4096), ("1 MiB", MEGABYTE)] {
        let bytes = vec![b'x'; size];
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(name, |bencher| bencher.iter(|| content_hash(black_box(&bytes))));
    }
}

fn overriding(criterion: &mut Criterion) {
    let facts = Facts {
        project: ProjectName::reported("bench-01234567"),
        session_id: SessionId::new("/w/bench", None),
        directory: "/w/bench".into(),
        owner: "1000@machine".into(),
        process: None,
        created_at: "2026-01-01T00:00:00Z".into(),
        has_start_interval: true,
        profiles: BTreeMap::new(),
        builds: BTreeMap::new(),
        excluded: Vec::new(),
    };
    let settings = Settings::default();
    let mut group = criterion.benchmark_group("override");
    for count in [1, 10, 100] {
        let json = project(count);
        group.bench_function(format!("{count} services"), |bencher| {
            bencher.iter(|| {
                let model = Model::parse(black_box(&json)).expect("a model");
                let plan = plan(&model, &settings, Ipv4Addr::LOCALHOST.into(), &[]).expect("a plan");
                yaml::write(&overlay(&model, &plan, &facts))
            });
        });
    }
}

fn difference(criterion: &mut Criterion) {
    let variable = |index: usize, value: &str| Variable {
        name: format!("SERVICE_{index}_URL"),
        value: format!("http://127.0.0.1:{value}"),
        ..Variable::default()
    };
    let offer = |value: &str| {
        let variables = (0..100).map(|index| variable(index, value)).collect();
        Offer {
            session: "/w/bench".into(),
            variables,
            own: vec![("PRISM_SESSION".into(), "/w/bench".into())],
        }
    };
    let base: Vec<(OsString, OsString)> =
        (0..60).map(|index| (format!("NAME_{index}").into(), "x".repeat(40).into())).collect();
    let (old, new) = (Sight::Up(offer("20000")), Sight::Up(offer("20001")));
    // A shell that holds the first offer.
    let mut entered = base.clone();
    for operation in Layer::default().step(&Now::new(base), &old, |_| {}) {
        entered.extend(operation.value.map(|value| (operation.name.into(), value.into())));
    }
    let now = Now::new(entered);
    let layer = Layer::read(now.get(DIFF));
    let mut group = criterion.benchmark_group("difference of 100 variables");
    group.bench_function("nothing changed", |bencher| {
        bencher.iter(|| layer.step(black_box(&now), &old, |_| {}))
    });
    group.bench_function("all changed", |bencher| bencher.iter(|| layer.step(black_box(&now), &new, |_| {})));
}

fn quoting(criterion: &mut Criterion) {
    let text: String = "it's \"$HOME\" `id` \\ % ! é\n".chars().cycle().take(MEGABYTE).collect();
    let mut group = criterion.benchmark_group("quoting of 1 MB");
    group.sample_size(20).throughput(Throughput::Bytes(text.len() as u64));
    for name in ["bash", "fish", "nushell", "tcsh"] {
        let shell = Shell::named(name).expect("a shell");
        group.bench_function(name, |bencher| bencher.iter(|| shell.quote(black_box(&text))));
    }
    group.bench_function("dotenv", |bencher| {
        bencher.iter_batched(
            || [("NAME", text.as_str())],
            |variables| dotenv::write(variables.into_iter()),
            BatchSize::LargeInput,
        );
    });
}

criterion_group!(pure, hashing, overriding, difference, quoting);
criterion_main!(pure);
