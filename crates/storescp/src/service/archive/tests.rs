use super::*;
use crate::cli;
use crate::generation::route_of;
use crate::service::wiring::Service;
use platform::testing::Scratch;
use receiver::{AssociationEnd, Peer, Rejection, Status};
use serde_json::json;
use std::io::IoSlice;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use storage::{Directory, Durability, Envelope, FileName, IfExists, Storage};

/// A folder with the output directory `out`, the destination `dest`, and settings.
struct Fixture {
    scratch: Scratch,
    storage: Directory,
}

impl Fixture {
    fn new(test: &str) -> Self {
        let scratch = Scratch::new(test);
        for folder in ["out", "dest"] {
            std::fs::create_dir(scratch.0.join(folder)).unwrap();
        }
        let storage = Directory::open(&scratch.0.join("out"), Durability::Full).unwrap();
        Self { scratch, storage }
    }

    fn write_settings(&self, rest: &str) {
        let out = self.scratch.0.join("out");
        let settings = format!("listen = 104\ndirectory = {out:?}\n{rest}");
        std::fs::write(self.scratch.0.join("storescp.toml"), settings).unwrap();
    }

    /// A destination that copies into the folder `dest`.
    fn destination(&self, more: &str) -> String {
        let dest = self.scratch.0.join("dest");
        format!(
            "[[destination]]\nname = \"copy\"\nkind = \"folder\"\ndirectory = {dest:?}\nfile = \
             \"{{sopInstanceUid}}\"\n{more}"
        )
    }

    fn service(&self) -> Arc<Service> {
        let file = self.scratch.0.join("storescp.toml");
        let words = ["--settings", file.to_str().unwrap()].map(Into::into);
        let cli::Action::Run(command_line) = cli::parse(words.into_iter()) else {
            panic!("a command line")
        };
        let config = crate::settings::effective(&command_line).unwrap();
        Arc::new(Service::new(&config, &command_line, None).unwrap())
    }

    /// Leaves an object as a crash does: stored, with its intent, and told to nobody.
    fn leave(&self, number: u32, rule: Option<&str>) {
        let name = Envelope {
            received: SystemTime::now(),
            association: 1,
            sequence: number,
            is_alone: false,
            route: route_of(rule),
            calling: *b"CT1             ",
            called: *b"STORESCP        ",
            address: "10.0.0.7".parse().unwrap(),
        }
        .name();
        let mut staged = self.storage.folder().unwrap().stage().unwrap();
        staged.append(&[IoSlice::new(&object(number))]).unwrap();
        staged.sync().unwrap();
        staged.intend(&name).unwrap();
        let file = FileName::new(format!("CT.{number}")).unwrap();
        staged.publish(&file, IfExists::Replace).unwrap();
        staged.confirm().unwrap();
    }

    fn is_delivered(&self, number: u32) -> bool {
        self.scratch.0.join(format!("dest/1.2.3.{number}")).exists()
    }

    /// Pending, and in the spool.
    fn intents(&self) -> (usize, usize) {
        let intents = self.storage.intents().unwrap();
        let (mut pending, mut spooled) = (0, 0);
        let count = |count: &mut usize| {
            *count += 1;
            true
        };
        intents.pending(&mut |_| count(&mut pending)).unwrap();
        intents.spooled(&mut |_| count(&mut spooled)).unwrap();
        (pending, spooled)
    }
}

/// A data set in explicit VR little endian, without file meta information.
fn object(number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut element = |group: u16, element: u16, vr: &[u8; 2], value: String| {
        let value = format!("{value}{}", &"\0"[..value.len() % 2]);
        bytes.extend(group.to_le_bytes());
        bytes.extend(element.to_le_bytes());
        bytes.extend(vr);
        bytes.extend(u16::try_from(value.len()).unwrap().to_le_bytes());
        bytes.extend(value.bytes());
    };
    element(0x0008, 0x0016, b"UI", "1.2.840.10008.5.1.4.1.1.2".to_owned());
    element(0x0008, 0x0018, b"UI", format!("1.2.3.{number}"));
    element(0x0020, 0x000D, b"UI", "1.2.3".to_owned());
    bytes
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn finish(service: &Service) {
    service.archive.as_ref().unwrap().finish(Instant::now() + Duration::from_secs(30));
}

#[test]
fn what_a_crash_left_is_delivered_by_its_rule_or_by_those_that_there_are_now() {
    let fixture = Fixture::new("archive-wiring-crash");
    let rules = "[[rule]]\nname = \"ct\"\ncalling = \"CT1\"\ndeliver = [\"copy\"]\n\
                 [[rule]]\nname = \"other\"\ncalling = \"MR1\"\n";
    fixture.write_settings(&format!("{rules}{}", fixture.destination("")));
    fixture.leave(1, Some("ct"));
    fixture.leave(2, Some("gone"));
    fixture.leave(3, Some("other"));
    fixture.leave(4, None);
    let service = fixture.service();
    wait_until("those of the rule are delivered", || {
        fixture.is_delivered(1) && fixture.is_delivered(2)
    });
    wait_until("all are settled", || fixture.intents() == (0, 0));
    finish(&service);
    assert!(!fixture.is_delivered(3) && !fixture.is_delivered(4), "nobody is to get them");
    let archive = service.archive.as_ref().unwrap();
    assert_eq!(archive.catalog().statistics().unwrap().instances, 4);
}

#[test]
fn a_destination_that_is_gone_keeps_what_it_is_owed_until_it_is_back() {
    let fixture = Fixture::new("archive-wiring-reload");
    let with = format!("deliver = [\"copy\"]\n{}", fixture.destination(""));
    fixture.write_settings(&with);
    let service = fixture.service();
    let archive = service.archive.as_ref().unwrap();
    archive.outbox().pause("copy", true).unwrap();
    fixture.leave(1, None);
    // As at a start: the intent is found.
    archive.cataloguer.look_for_pending();
    wait_until("it is owed", || fixture.intents() == (0, 1));
    fixture.write_settings("[catalog]\n");
    service.reload(crate::service::reload::Cause::HangUp).unwrap();
    let counts = archive.catalog().counts(&[]).unwrap();
    assert_eq!(counts.iter().map(|it| it.waiting).sum::<u64>(), 1, "{counts:?}");
    archive.outbox().pause("copy", false).unwrap();
    fixture.write_settings(&with);
    service.reload(crate::service::reload::Cause::HangUp).unwrap();
    wait_until("it is delivered", || fixture.is_delivered(1));
    wait_until("its bytes are given up", || fixture.intents() == (0, 0));
    finish(&service);
}

#[test]
fn past_the_bounds_of_a_destination_associations_are_refused_for_the_time_being() {
    let fixture = Fixture::new("archive-wiring-bounds");
    let destination = fixture.destination("max-waiting-bytes = \"10 B\"\n");
    fixture.write_settings(&format!("deliver = [\"copy\"]\n{destination}"));
    let service = fixture.service();
    let archive = service.archive.as_ref().unwrap();
    let generation = service.generation.load_full();
    let treatment = generation.treatments().next().unwrap();
    assert_eq!(archive.admit(treatment), Ok(()));
    archive.outbox().pause("copy", true).unwrap();
    fixture.leave(1, None);
    archive.cataloguer.look_for_pending();
    wait_until("too much waits", || archive.admit(treatment).is_err());
    let refusal = archive.admit(treatment).unwrap_err();
    assert_eq!(refusal.rejection, Rejection::LOCAL_LIMIT_EXCEEDED);
    assert!(refusal.reason.contains("\"copy\""), "{}", refusal.reason);
    archive.outbox().pause("copy", false).unwrap();
    wait_until("it is delivered and nothing waits", || archive.admit(treatment).is_ok());
    finish(&service);
}

#[test]
fn without_a_catalogue_there_is_nothing_of_it() {
    let fixture = Fixture::new("archive-wiring-none");
    fixture.write_settings("");
    let service = fixture.service();
    assert!(service.archive.is_none());
    let generation = service.generation.load_full();
    assert!(generation.treatments().all(|it| it.intents.is_none()));
    assert_eq!(generation.deliveries().count(), 0);
    assert!(!fixture.scratch.0.join("out/.storescp").exists());
}

#[test]
fn one_receiver_alone_gives_back_the_leases_of_another_run() {
    let scratch = Scratch::new("archive-wiring-alone");
    let catalog = scratch.0.join("catalog.sqlite");
    let first = alone(&catalog);
    assert!(first.is_some());
    assert!(alone(&catalog).is_none(), "the first has it");
    let mode = scratch.0.join("catalog.sqlite.lock").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "no other user can have it");
    drop(first);
    assert!(alone(&catalog).is_some());
}

#[test]
fn the_end_of_an_association_and_refusals_are_rows_and_events_for_those_who_want_them() {
    let address: IpAddr = "::ffff:10.0.0.7".parse().unwrap();
    let calling_ae = proto::AeTitle::from_field(*b"CT1             ");
    let peer = Peer { address, association: 7, calling_ae, ..Peer::default() };
    let summary = Summary::new(peer, Duration::from_millis(1500), AssociationEnd::ConnectionLost);
    let ended = events::association_ended(&summary, None, "key".to_owned());
    let row = ended.association.unwrap();
    assert_eq!((row.number, row.calling.as_str(), row.peer.as_str()), (7, "CT1", "10.0.0.7"));
    assert_eq!((row.end.as_str(), ended.event), ("connection lost", None));
    let uid = "1.2.3".parse().unwrap();
    let refused = Refused::Object {
        peer: &peer,
        sop_class: &uid,
        sop_instance: &uid,
        status: Status::OUT_OF_RESOURCES,
        reason: "the disk is \"full\"\n",
    };
    let told = events::refused(&refused, &["hook".to_owned()], || "key".to_owned()).unwrap();
    let event = told.event.unwrap();
    assert_eq!(event.destinations, ["hook"]);
    let expected = json!({
        "refused": "object",
        "reason": "the disk is \"full\"\n",
        "status": 0xA700,
        "sopClassUid": "1.2.3",
        "sopInstanceUid": "1.2.3",
        "association": 7,
        "callingAeTitle": "CT1",
        "calledAeTitle": "",
        "peer": "10.0.0.7",
    });
    assert_eq!(event.data, expected);
    assert_eq!(told.refusal.unwrap().status, Some(0xA700));
    let both = ["hook".to_owned(), "away".to_owned()];
    let mut told = events::refused(&refused, &both, || "key".to_owned()).unwrap();
    assert_eq!(events::leave_out(&mut told, |name| name != "away"), ["away"]);
    assert_eq!(told.event.as_ref().unwrap().destinations, ["hook"]);
    assert_eq!(events::leave_out(&mut told, |_| false), ["hook"]);
    assert!(told.event.is_none() && told.refusal.is_some());
    let classes = Refused::Classes { peer: &peer, reason: "", advice: None };
    assert_eq!(events::refused(&classes, &[], || "key".to_owned()), None);
}
