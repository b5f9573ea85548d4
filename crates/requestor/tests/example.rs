//! The example, run.

mod common;

#[allow(dead_code, reason = "`main` is run by cargo")]
#[path = "../examples/send.rs"]
mod send;

use std::fs;

use common::{Acceptor, Behavior, instance};
use dataset::part10::{FileMeta, header};
use requestor::Status;

#[test]
fn a_file_is_sent() {
    let instance = instance();
    let meta = FileMeta {
        sop_class: &instance.sop_class,
        sop_instance: &instance.sop_instance,
        transfer_syntax: instance.transfer_syntax,
        implementation_class_uid: "2.25.1",
        implementation_version_name: "TEST",
        source_ae_title: b"SCU",
    };
    let data_set = vec![9; 300_000];
    let path = std::env::temp_dir().join(format!("requestor-example-{}.dcm", std::process::id()));
    fs::write(&path, [header(&meta), data_set.clone()].concat()).unwrap();
    let acceptor = Acceptor::start(Behavior::Answer(Status::SUCCESS), 16_384);
    let response = send::send(&acceptor.address.to_string(), &path);
    fs::remove_file(&path).unwrap();
    assert_eq!(response.unwrap().status, Status::SUCCESS);
    assert!(acceptor.seen().data_set == data_set);
}
