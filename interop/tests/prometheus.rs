//! Tests `/metrics`, the alert rules and the dashboard with Prometheus's own programs, and with the strict parser of
//! OpenMetrics.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Output, Stdio};
use std::time::Duration;

use interop::process::eventually;
use interop::wire::Client;
use interop::{Object, Scratch, peers};

use crate::log_associations::contradicting;
use crate::metrics::{get, http_address, start, try_get};

const LIMIT: Duration = Duration::from_secs(60);
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// Prometheus itself reads them, finds its rules healthy, and has the alert of an object that is refused.
#[test]
fn prometheus_scrapes_them_and_raises_an_alert() {
    let (server, scratch) = (start(&[]), Scratch::new());
    let rules = prometheus_files().join("storescp.rules.yaml");
    let configuration = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 500ms}}\n\
         rule_files: ['{}']\n\
         scrape_configs: [{{job_name: storescp, static_configs: [{{targets: ['{}']}}]}}]\n",
        rules.display(),
        http_address(&server)
    );
    fs::write(scratch.path().join("prometheus.yml"), configuration).expect("a file");
    let address = format!("127.0.0.1:{}", interop::free_port());
    let log = fs::File::create(scratch.path().join("log")).expect("a file");
    let child = Process::new(peers::debian_path("prometheus"))
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
        .arg(format!("--web.listen-address={address}"))
        .current_dir(scratch.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("it can be run");
    let _prometheus = Killed(child);
    let asked = |path: &str| try_get(&address, path, "*/*").unwrap_or_default();
    let value = |expression: &str, value: &str| {
        let answer = asked(&format!("/api/v1/query?query={expression}"));
        answer.contains(&format!(",\"{value}\"]"))
    };
    eventually("it is scraped", LIMIT, || value("sum(up)", "1"));
    eventually("a zero", LIMIT, || value("sum(storescp_refusals_total)", "0"));
    let mut client = Client::usual(server.port());
    assert_eq!(client.store(3, &Object::ct(1000)).status(), 0);
    assert_eq!(client.store(3, &contradicting()).status(), 0xA900);
    client.release();
    eventually("an object", LIMIT, || value("sum(storescp_stored_objects_total)", "1"));
    eventually("an alert", LIMIT, || {
        let alerts = asked("/api/v1/alerts");
        alerts.contains("StorescpObjectsRefused") && alerts.contains("data-set-does-not-match")
    });
    let rules = asked("/api/v1/rules");
    assert!(rules.contains(r#""health":"ok""#), "{rules}");
    assert!(!rules.contains(r#""health":"err""#), "{rules}");
}

/// A process that is killed when this is dropped.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn promtool_and_the_parser_of_open_metrics_find_nothing_wrong() {
    let server = start(&[]);
    let mut client = Client::usual(server.port());
    assert_eq!(client.store(3, &Object::ct(1000)).status(), 0);
    assert_eq!(client.store(3, &contradicting()).status(), 0xA900);
    client.release();
    let (head, text) = get(&server, "*/*");
    assert!(head.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert_eq!(promtool(&["check", "metrics"], Path::new("/"), &text), "");

    let (head, text) = get(&server, OPEN_METRICS);
    let kind = "\r\ncontent-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.contains(kind), "{head}");
    let script = "import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as f\n\
                  print(sum(len(family.samples) for family in f(sys.stdin.read())))";
    let output = run(&peers::python(), &["-c", script], Path::new("/"), &text);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{text}");
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), samples.to_string());
}

#[test]
fn the_alert_rules_fire_when_they_should() {
    let text = promtool(&["test", "rules", "storescp.rules.test.yaml"], &prometheus_files(), "");
    assert!(text.contains("SUCCESS"), "{text}");
}

/// The rule that is off is one that can be used, once the marks of comments are taken away.
#[test]
fn the_alert_rule_that_is_off_is_right() {
    let rules = fs::read_to_string(prometheus_files().join("storescp.rules.yaml")).expect("rules");
    let scratch = Scratch::new();
    let (before, off) = rules.split_once("      # - alert:").expect("a rule that is off");
    let on = format!("      # - alert:{off}").replace("      # ", "      ");
    fs::write(scratch.path().join("rules.yaml"), format!("{before}{on}")).expect("a file");
    let text = promtool(&["check", "rules", "rules.yaml"], scratch.path(), "");
    let count = rules.matches("- alert: ").count();
    assert!(text.contains(&format!("SUCCESS: {count} rules found")), "{text}");
    let test = r#"
rule_files: [rules.yaml]
tests:
  - interval: 1h
    input_series:
      - {series: 'storescp_last_object_timestamp_seconds{calling="CT1",rule="a",instance="r"}', values: 3600x20}
      - {series: 'storescp_last_object_timestamp_seconds{calling="MR1",rule="a",instance="r"}', values: 3600x20}
      - {series: 'storescp_last_object_timestamp_seconds{calling="MR1",rule="b",instance="r"}', values: 30000x20}
    promql_expr_test:
      - expr: count by (alertname, calling) (ALERTS)
        eval_time: 10h
        exp_samples: [{labels: '{alertname="StorescpNoObjects",calling="CT1"}', value: 1}]
"#;
    fs::write(scratch.path().join("test.yaml"), test).expect("a file");
    promtool(&["test", "rules", "test.yaml"], scratch.path(), "");
}

/// Each expression of the dashboard, with its variables replaced, is one for Prometheus.
#[test]
fn the_expressions_of_the_dashboard_are_right() {
    let dashboard =
        fs::read_to_string(prometheus_files().join("grafana.json")).expect("a dashboard");
    let lines = dashboard.lines().filter_map(|line| line.trim().strip_prefix(r#""expr": ""#));
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    let mut count = 0;
    for line in lines {
        let expression = line.trim_end_matches(',').strip_suffix('"').expect("a string");
        let expression = expression
            .replace("$__rate_interval", "5m")
            .replace("$job", ".*")
            .replace("$instance", ".*");
        assert!(!expression.contains('$'), "an unknown variable: {expression}");
        // A string of JSON is one of YAML too.
        rules.push_str(&format!("  - {{record: \"panel:{count}\", expr: \"{expression}\"}}\n"));
        count += 1;
    }
    assert!(count > 30, "{count}");
    let scratch = Scratch::new();
    fs::write(scratch.path().join("rules.yaml"), rules).expect("a file");
    let text = promtool(&["check", "rules", "rules.yaml"], scratch.path(), "");
    assert!(text.contains(&format!("SUCCESS: {count} rules found")), "{text}");
}

fn run(program: &Path, arguments: &[&str], folder: &Path, input: &str) -> Output {
    let mut child = Process::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be run");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

/// Runs promtool, which has nothing to say of what is right.
fn promtool(arguments: &[&str], folder: &Path, input: &str) -> String {
    let output = run(&peers::debian_path("promtool"), arguments, folder, input);
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success(), "promtool {arguments:?}: {text}\n{input}");
    text
}

fn prometheus_files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/prometheus")
}
