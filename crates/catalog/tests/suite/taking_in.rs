//! Objects, studies and series.

use crate::objects::{at, batch, object, owed, take_in};
use catalog::{
    Batch, Catalog, DeliveryFilter, EndedAssociation, EventKind, NewEvent, Page, Refusal,
    StudyFilter,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

const ALL: Page = Page { after: None, most: 1000 };

on_each_database! {
    /// What was taken in is given back as it was.
    fn an_object_is_given_back_whole(catalog: &dyn Catalog) {
        let mut sent = object("1.2", 1);
        sent.digest = Some([7; 32]);
        sent.association = u64::MAX;
        sent.replaced = true;
        sent.kept = true;
        let attributes = &mut sent.attributes;
        for (value, text) in [
            (&mut attributes.patient_name, "Müller^Jürgen=山田^太郎"),
            (&mut attributes.patient_id, "P1"),
            (&mut attributes.patient_birth_date, "19700101"),
            (&mut attributes.patient_sex, "O"),
            (&mut attributes.accession_number, "A1"),
            (&mut attributes.study_id, "S1"),
            (&mut attributes.study_date, "20261130"),
            (&mut attributes.study_time, "120000.123"),
            (&mut attributes.study_description, "Kopf"),
            (&mut attributes.referring_physician_name, "Dr^No"),
            (&mut attributes.series_number, "3"),
            (&mut attributes.series_description, "axial"),
            (&mut attributes.body_part_examined, "HEAD"),
            (&mut attributes.station_name, "ST1"),
            (&mut attributes.institution_name, "Klinik"),
            (&mut attributes.number_of_frames, "12"),
        ] {
            *value = Some(text.to_owned());
        }
        let identity = catalog.identity().unwrap();
        assert!(identity.len() >= 32, "{identity:?}");
        let taken = catalog.take_in(&batch(vec![owed(sent.clone(), &["pacs"])], at(5))).unwrap();
        assert_eq!(catalog.identity().unwrap(), identity, "whatever is in it");
        let found = catalog.instances(None, ALL).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].object, sent);
        assert_eq!((found[0].id, found[0].gone), (taken.instances[0], false));
        let at_file = catalog.instance_at(&sent.directory, "1.2/00001.dcm").unwrap();
        assert_eq!(at_file.as_ref(), found.first());
        assert_eq!(catalog.instances(Some("1.2"), ALL).unwrap(), found);
        assert!(catalog.instances(Some("1.3"), ALL).unwrap().is_empty());
        let series = catalog.series(Some("1.2"), ALL).unwrap();
        assert_eq!(series.len(), 1);
        assert_eq!(series[0].description.as_deref(), Some("axial"));
        assert_eq!(series[0].series_instance_uid, "1.2.1");
        assert_eq!(catalog.series(None, ALL).unwrap(), series);
    }

    /// A sender that makes up a modality for each object does not make the row of its study grow without bound.
    fn the_modalities_of_a_study_are_bounded(catalog: &dyn Catalog) {
        let made_up = |numbers: std::ops::Range<u64>| {
            let objects = numbers.map(|number| {
                let mut object = object("1.2", number);
                object.attributes.modality = Some(format!("M{number:03}"));
                owed(object, &[])
            });
            catalog.take_in(&batch(objects.collect(), at(1))).unwrap();
            catalog.studies(&StudyFilter::default(), ALL).unwrap().remove(0).modalities
        };
        assert_eq!(made_up(10..12), ["M010", "M011"]);
        let (first, most) = (made_up(100..250), catalog::limits::STUDY_MODALITIES);
        assert_eq!((first.len(), first[1].as_str()), (most, "M011"));
        assert_eq!(made_up(0..9), first, "those that are known stay");
        assert_eq!(catalog.statistics().unwrap().instances, 161);
    }

    /// A key that is known changes nothing: neither in a later batch nor in the same one.
    fn a_known_key_changes_nothing(catalog: &dyn Catalog) {
        let one = owed(object("1.2", 1), &["pacs"]);
        let first = catalog.take_in(&batch(vec![one.clone(), one.clone()], at(1))).unwrap();
        assert_eq!(first.instances[0], first.instances[1]);
        let before = (state(catalog), catalog.next_end_of_study().unwrap());
        let mut other = one.clone();
        other.object.attributes.patient_name = Some("Other".to_owned());
        other.destinations.push("research".to_owned());
        let two = owed(object("1.2", 2), &[]);
        let again = catalog.take_in(&batch(vec![other], at(50))).unwrap();
        assert_eq!(again.instances[0], first.instances[0]);
        assert_eq!((state(catalog), catalog.next_end_of_study().unwrap()), before);
        let mixed = catalog.take_in(&batch(vec![two, one], at(51))).unwrap();
        assert_eq!(mixed.instances[1], first.instances[0]);
        assert_ne!(mixed.instances[0], first.instances[0]);
        assert_eq!(catalog.statistics().unwrap().instances, 2);
    }

    /// The latest value that is not empty stays.
    fn attributes_are_the_latest_that_are_not_empty(catalog: &dyn Catalog) {
        let name = |number, name: Option<&str>, station: Option<&str>| {
            let mut object = object("1.2", number);
            object.attributes.patient_name = name.map(str::to_owned);
            object.attributes.station_name = station.map(str::to_owned);
            owed(object, &[])
        };
        catalog.take_in(&batch(vec![name(1, Some("A"), Some("x")), name(2, None, None)], at(2))).unwrap();
        let found = |catalog: &dyn Catalog| {
            let instances = catalog.instances(None, ALL).unwrap();
            let attributes = &instances[0].object.attributes;
            (attributes.patient_name.clone().unwrap(), attributes.station_name.clone().unwrap())
        };
        assert_eq!(found(catalog), ("A".to_owned(), "x".to_owned()));
        catalog.take_in(&batch(vec![name(3, Some(""), Some("y"))], at(3))).unwrap();
        assert_eq!(found(catalog), ("A".to_owned(), "y".to_owned()));
        catalog.take_in(&batch(vec![name(4, Some("B"), None), name(5, Some("C"), None)], at(5))).unwrap();
        assert_eq!(found(catalog), ("C".to_owned(), "y".to_owned()));
    }

    /// A study counts its objects, its series and their modalities.
    fn a_study_has_totals(catalog: &dyn Catalog) {
        let mut report = object("1.2", 3);
        report.attributes.series_instance_uid = Some("1.2.2".to_owned());
        report.attributes.modality = Some("SR".to_owned());
        report.calling = "WORKSTATION".to_owned();
        let objects = vec![owed(object("1.2", 1), &[]), owed(object("1.2", 2), &[])];
        catalog.take_in(&batch(objects, at(2))).unwrap();
        catalog.take_in(&batch(vec![owed(report, &[])], at(3))).unwrap();
        let studies = catalog.studies(&StudyFilter::default(), ALL).unwrap();
        assert_eq!(studies.len(), 1);
        let study = &studies[0];
        assert_eq!((study.objects, study.series, study.bytes), (3, 2, 3006));
        assert_eq!(study.modalities, ["CT", "SR"]);
        assert_eq!((study.first, study.last), (Some(at(1)), Some(at(3))));
        assert_eq!((study.calling.as_str(), study.epoch, study.open), ("WORKSTATION", 1, true));
        let statistics = catalog.statistics().unwrap();
        assert_eq!((statistics.studies, statistics.series, statistics.instances), (1, 2, 3));
        assert_eq!((statistics.bytes, statistics.open_studies), (3006, 1));
        assert!(statistics.schema >= 1);
    }

    /// An object takes the file of an older one, whose row stays.
    fn a_replaced_object_stays_without_its_file(catalog: &dyn Catalog) {
        take_in(catalog, "1.2", 1..3, &["pacs"]);
        let mut again = object("1.2", 1);
        again.key = "again".to_owned();
        again.size = 5;
        again.replaced = true;
        catalog.take_in(&batch(vec![owed(again.clone(), &[])], at(9))).unwrap();
        let found = catalog.instances(None, ALL).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].gone, found[0].object.file.clone()), (true, None));
        assert!(found[0].object.spool.is_some(), "it is owed still");
        assert_eq!((found[2].gone, found[2].object.file.clone()), (false, again.file));
        let found = catalog.instance_at(Path::new("/data/incoming"), "1.2/00001.dcm").unwrap();
        assert_eq!(found.unwrap().object.key, "again");
        let study = &catalog.studies(&StudyFilter::default(), ALL).unwrap()[0];
        assert_eq!((study.objects, study.bytes), (2, 1007));
        let statistics = catalog.statistics().unwrap();
        assert_eq!((statistics.instances, statistics.bytes), (2, 1007));
    }

    /// Also if both come in one batch.
    fn the_last_of_a_batch_has_the_file(catalog: &dyn Catalog) {
        let mut again = object("1.2", 1);
        again.key = "again".to_owned();
        let objects = vec![owed(object("1.2", 1), &[]), owed(again, &[])];
        catalog.take_in(&batch(objects, at(1))).unwrap();
        let gone: Vec<bool> =
            catalog.instances(None, ALL).unwrap().iter().map(|row| row.gone).collect();
        assert_eq!(gone, [true, false]);
        let study = &catalog.studies(&StudyFilter::default(), ALL).unwrap()[0];
        assert_eq!((study.objects, catalog.statistics().unwrap().instances), (1, 1));
    }

    /// Objects may have neither study nor series nor file.
    fn an_object_may_have_next_to_nothing(catalog: &dyn Catalog) {
        let mut bare = object("1.2", 1);
        bare.attributes = catalog::ObjectAttributes::default();
        (bare.file, bare.spool, bare.rule) = (None, None, None);
        let mut no_series = object("1.3", 1);
        no_series.attributes.series_instance_uid = Some(String::new());
        let objects = vec![owed(bare.clone(), &["pacs"]), owed(no_series, &["pacs"])];
        catalog.take_in(&batch(objects, at(1))).unwrap();
        let found = catalog.instances(None, ALL).unwrap();
        assert_eq!(found[0].object, bare);
        assert_eq!(found[1].object.attributes.series_instance_uid, None);
        assert_eq!(catalog.studies(&StudyFilter::default(), ALL).unwrap().len(), 1);
        assert_eq!(catalog.statistics().unwrap().instances, 1);
    }

    /// Whatever peers and file systems have in texts, the catalogue takes it.
    fn odd_texts_are_taken(catalog: &dyn Catalog) {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let mut odd = object("1.2", 1);
        odd.directory = PathBuf::from(OsStr::from_bytes(b"/data/\xFF\xFE%41/caf\xC3\xA9"));
        odd.file = Some(format!("{}/'; DROP TABLE instance; --\".dcm", "x/".repeat(1900)));
        odd.calling = "A\0B".to_owned();
        odd.attributes.patient_name = Some("\0\u{FEFF}😀'\";\\%_".to_owned());
        odd.attributes.patient_id = Some("ä".repeat(5000));
        catalog.take_in(&batch(vec![owed(odd.clone(), &["a'b"])], at(1))).unwrap();
        let found = catalog.instances(None, ALL).unwrap().remove(0).object;
        assert_eq!((&found.directory, &found.file), (&odd.directory, &odd.file));
        assert_eq!(found.calling, "A\u{FFFD}B");
        assert_eq!(found.attributes.patient_name.unwrap(), "\u{FFFD}\u{FEFF}😀'\";\\%_");
        assert_eq!(found.attributes.patient_id.unwrap(), "ä".repeat(512));
        let file = odd.file.clone().unwrap();
        let at_file = catalog.instance_at(&odd.directory, &file).unwrap();
        assert_eq!(at_file.unwrap().object.key, odd.key);
        assert_eq!(catalog.instance_at(&odd.directory, &file[1..]).unwrap(), None);
    }

    /// An event, an association, a refusal: each once.
    fn events_are_taken_once(catalog: &dyn Catalog) {
        let data = serde_json::json!({"reason": "nul: \0, quote: '", "status": 42752});
        let event = NewEvent {
            key: "event 1".to_owned(),
            kind: EventKind::Refused,
            time: at(1),
            data: data.clone(),
            destinations: vec!["hook".to_owned(), "hook".to_owned()],
        };
        let association = EndedAssociation {
            key: "association 1".to_owned(),
            number: 7,
            ended: at(2),
            duration: Duration::from_millis(1500),
            calling: "CT1".to_owned(),
            called: "STORESCP".to_owned(),
            peer: "10.1.2.3:4711".to_owned(),
            rule: None,
            objects: 3,
            refused: 1,
            bytes: 4096,
            end: "released".to_owned(),
        };
        let refusal = Refusal {
            key: "refusal 1".to_owned(),
            time: at(1),
            what: "object".to_owned(),
            association: Some(7),
            calling: Some("CT1".to_owned()),
            called: None,
            peer: "10.1.2.3:4711".to_owned(),
            rule: None,
            status: Some(0xA700),
            sop_class: None,
            sop_instance: None,
            reason: "disk full".to_owned(),
        };
        let batch = Batch {
            events: vec![event.clone(), event],
            associations: vec![association.clone(), association],
            refusals: vec![refusal],
            now: Some(at(3)),
            ..Batch::default()
        };
        for _ in 0..2 {
            catalog.take_in(&batch).unwrap();
        }
        let leased = catalog.lease(&crate::objects::lease("hook", 10, at(4))).unwrap();
        assert_eq!(leased.len(), 1);
        let event = &leased[0].event;
        assert_eq!((event.key.as_str(), event.kind), ("event 1", EventKind::Refused));
        assert_eq!((event.time, event.data.as_ref()), (at(1), Some(&data)));
        assert_eq!((&leased[0].instance, &leased[0].study), (&None, &None));
        assert_eq!(catalog.forget_history(at(100), 100).unwrap(), 2);
        assert_eq!(catalog.forget_history(at(100), 100).unwrap(), 0);
    }
}

/// What a batch that changes nothing must not change.
fn state(catalog: &dyn Catalog) -> impl PartialEq + std::fmt::Debug {
    (
        catalog.instances(None, ALL).unwrap(),
        catalog.studies(&StudyFilter::default(), ALL).unwrap(),
        catalog.deliveries(&DeliveryFilter::default(), ALL).unwrap(),
        catalog.counts(&[]).unwrap(),
    )
}
