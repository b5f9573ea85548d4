//! `docs/metrics.md` is made from the table; alert rules and dashboard name only metrics that are in it.

use crate::metrics::table::{GROUPS, Values, families};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const INTRODUCTION: &str = r#"# Metrics

Made from the table in `crates/control/src/metrics/table`; `BLESS=1 cargo test -p control --lib documents` makes it anew.

With `--http ADDRESS`, or `[http]` in the settings, `/metrics` has what is below, for
[Prometheus](https://prometheus.io) and everything that reads its formats:

```yaml
scrape_configs:
  - job_name: storescp
    static_configs: [{targets: ["127.0.0.1:8042"]}]
rule_files: [storescp.rules.yaml]      # packaging/prometheus/
```

From another machine, it takes TLS and a [token or user](control.md#log-ins) of the settings:

```yaml
    scheme: https
    tls_config: {ca_file: /etc/prometheus/storescp-ca.pem}
    authorization: {credentials_file: /etc/prometheus/storescp.token}
```

```console
$ curl -s http://127.0.0.1:8042/metrics | promtool check metrics
$ curl -s http://127.0.0.1:8042/metrics | grep stored_objects
storescp_stored_objects_total{calling="CT1",rule="ct"} 1204
```

Who asks for `application/openmetrics-text`, as Prometheus does, gets OpenMetrics 1.0; everybody else gets Prometheus's text
format 0.0.4, in which samples have the same names.

- **Counters** begin with 0 at each start. Series with fixed words as labels are there from the start; those by sender, from its
  first association on.
- **The number of series is bounded**, whatever peers send. `calling` is an AE title only if a rule names it literally (without
  `*` and `?`); all others are counted as `other`. There are about 250 series, 4 for each directory, 1 for each certificate, 32 for each destination, and
  4 for each pair of title and rule that has had an association: of these at most 2,000 pairs, and further ones are
  counted as `other`. After a reload, titles that no rule names any more keep their counts, but get no new ones from new
  associations.
- **No patient data** is in them.
- **Reading them holds up no association**: what associations count are atomics. The state of the disks and of the process is
  asked at most once a second, however many read.
"#;

const ALERTS: &str = r#"
## Alerts

`packaging/prometheus/storescp.rules.yaml` has these rules; each says what happened and what to do. A rule for senders that
are silent for too long is there too, but off. `promtool test rules packaging/prometheus/storescp.rules.test.yaml` tests them.

| alert | severity | fires when |
|---|---|---|
"#;

const DASHBOARD: &str = r"
## Dashboard

Import `packaging/prometheus/grafana.json` into Grafana (Dashboards, New, Import) and choose the Prometheus data source.
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The name of a family's samples; histograms have three suffixes more.
fn sample_name(name: &str, unit: Option<&str>, kind: MetricType) -> String {
    let suffix = match kind {
        MetricType::Counter => "_total",
        MetricType::Info => "_info",
        _ => "",
    };
    let unit = unit.map(|unit| format!("_{unit}")).unwrap_or_default();
    format!("{name}{unit}{suffix}")
}

/// The names of all samples.
fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for family in families() {
        let unit = family.unit.as_ref().map(Unit::as_str);
        let name = sample_name(family.name, unit, family.kind);
        if family.kind == MetricType::Histogram {
            names.extend(["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")));
        } else {
            names.insert(name);
        }
    }
    names
}

fn words(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

fn document() -> String {
    let mut text = INTRODUCTION.to_owned();
    for group in GROUPS {
        writeln!(text, "\n## {}\n\n| metric | kind | meaning |\n|---|---|---|", group.title)
            .unwrap();
        for family in group.families {
            let unit = family.unit.as_ref().map(Unit::as_str);
            let name = sample_name(family.name, unit, family.kind);
            let mut meaning = family.help.to_owned();
            for label in family.labels {
                let values = match &label.values {
                    Values::Words(known) => words(known),
                    Values::Described(what) => (*what).to_owned(),
                    Values::WordsBy(by) => {
                        let each = by.iter().map(|(of, known)| format!("{of}: {}", words(known)));
                        each.collect::<Vec<_>>().join("; ")
                    }
                };
                write!(meaning, "<br>`{}`: {values}", label.name).unwrap();
            }
            writeln!(text, "| `{name}` | {} | {meaning} |", family.kind.as_str()).unwrap();
        }
    }
    text.push_str(ALERTS);
    for (alert, expression, severity) in alerts() {
        let expression = expression.replace('|', "\\|");
        writeln!(text, "| {alert} | {severity} | `{expression}` |").unwrap();
    }
    text.push_str(DASHBOARD);
    text
}

const RULES: &str = "packaging/prometheus/storescp.rules.yaml";

/// Name, expression and severity of each alert, also of those that are off.
fn alerts() -> Vec<(String, String, String)> {
    let rules = read(RULES);
    let value = |lines: &[&str], key: &str| {
        let line = lines.iter().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_else(|| panic!("{key} is missing from {lines:?}")).trim().to_owned()
    };
    let lines = rules.lines().map(|line| line.trim_start().trim_start_matches("# ").trim_start());
    let lines: Vec<&str> = lines.collect();
    let mut blocks = lines.split(|line| line.is_empty() || *line == "#");
    let mut alerts = Vec::new();
    for block in &mut blocks {
        let Some(begin) = block.iter().position(|line| line.starts_with("- alert:")) else {
            continue;
        };
        let block = &block[begin..];
        let severity = value(block, "labels: {severity:");
        let name = value(block, "- alert:");
        alerts.push((name, value(block, "expr:"), severity.trim_end_matches('}').to_owned()));
        for key in ["annotations:", "summary:", "description:"] {
            value(block, key);
        }
    }
    alerts
}

/// All that looks like a metric in an expression, without the labels.
fn metrics_in(expression: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = expression.split(|c: char| !is_word(c));
    let is_metric = |word: &&str| word.starts_with("storescp_") || word.starts_with("process_");
    words.filter(is_metric).map(str::to_owned).collect()
}

#[test]
fn the_document_is_current() {
    let (path, current) = (root().join("docs/metrics.md"), document());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let hint = "BLESS=1 cargo test -p control --lib documents";
    assert!(stored == current, "docs/metrics.md is stale: {hint}");
}

#[test]
fn alerts_name_metrics_of_the_table() {
    let (names, alerts) = (names(), alerts());
    assert!(alerts.len() > 15, "{alerts:?}");
    for (alert, expression, severity) in &alerts {
        let used = metrics_in(expression);
        assert!(!used.is_empty() || expression.starts_with("up{"), "{alert}: {expression}");
        for name in used {
            assert!(names.contains(&name), "{alert}: no metric {name}");
        }
        assert!(
            ["critical", "warning", "info"].contains(&severity.as_str()),
            "{alert}: {severity}"
        );
    }
    let tested = read("packaging/prometheus/storescp.rules.test.yaml");
    for (alert, ..) in alerts.iter().filter(|(alert, ..)| alert != "StorescpNoObjects") {
        assert!(tested.contains(alert), "{alert} is not tested");
    }
    for series in metrics_in(&tested) {
        assert!(names.contains(&series), "the tests of the rules: no metric {series}");
    }
}

#[test]
fn words_in_alerts_are_in_the_vocabulary() {
    let text = document();
    let (table, _) = text.split_once("## Alerts").unwrap();
    let rules = read(RULES);
    let quoted = rules.split(['=', '{', ',']).filter_map(|part| part.strip_prefix('"'));
    let quoted = quoted.filter_map(|part| part.split('"').next());
    let mut seen = 0;
    for word in quoted.filter(|word| word.contains('-')) {
        assert!(table.contains(&format!("`{word}`")), "no label has the value {word}");
        seen += 1;
    }
    assert!(seen >= 2, "{seen}");
}

#[test]
fn the_dashboard_shows_metrics_of_the_table() {
    let (names, mut shown) = (names(), BTreeSet::new());
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("packaging/prometheus/grafana.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let annotations = dashboard["annotations"]["list"].as_array().unwrap();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let (mut places, mut expressions) = (Vec::new(), Vec::new());
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title} shows nothing");
        expressions.extend(targets.iter().map(|it| (title, it["expr"].as_str().unwrap())));
        let [x, y, width, height] =
            ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + width <= 24, "{title} is too wide");
        let overlaps = |other: &(u64, u64, u64, u64)| {
            let (x2, y2, width2, height2) = *other;
            x < x2 + width2 && x2 < x + width && y < y2 + height2 && y2 < y + height
        };
        assert!(!places.iter().any(overlaps), "{title} covers another panel");
        places.push((x, y, width, height));
    }
    expressions.extend(annotations.iter().map(|it| ("annotation", it["expr"].as_str().unwrap())));
    let queries = variables.iter().filter_map(|it| it["definition"].as_str());
    expressions.extend(queries.map(|query| ("variable", query)));
    for (title, expression) in expressions {
        for name in metrics_in(expression) {
            assert!(names.contains(&name), "{title}: no metric {name}");
            shown.insert(name);
        }
    }
    // What is not worth a panel.
    let hidden = [
        "storescp_settings_timestamp_seconds",
        "storescp_settings_reloads_total",
        "storescp_catalog_recovered_objects_total",
        "storescp_catalog_transactions_total",
    ];
    let left_out: Vec<_> = names
        .iter()
        .filter(|name| !shown.contains(*name) && !hidden.contains(&name.as_str()))
        .filter(|name| !name.ends_with("_sum") && !name.ends_with("_count"))
        .collect();
    let expected = [
        "process_start_time_seconds",
        "process_virtual_memory_bytes",
        "storescp_clock_seconds",
        "storescp_draining",
        "storescp_scrapes_total",
    ];
    assert_eq!(left_out, expected);
}
