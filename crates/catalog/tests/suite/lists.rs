//! Searches and lists.

use crate::objects::{at, batch, lease, leased, object, owed, take_in};
use catalog::{
    Catalog, DeliveryFilter, DeliveryState, EventKind, Page, Settlement, StudyFilter, Verdict,
};

const ALL: Page = Page { after: None, most: 1000 };

/// Takes in a study with a patient's name and ID, a date, a description and a modality.
fn study(catalog: &dyn Catalog, number: u64, [name, id, date, description, modality]: [&str; 5]) {
    let mut object = object(&format!("1.{number}"), number);
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    object.attributes.patient_name = some(name);
    object.attributes.patient_id = some(id);
    object.attributes.accession_number = some(&format!("ACC{number}"));
    object.attributes.study_date = some(date);
    object.attributes.study_description = some(description);
    object.attributes.modality = some(modality);
    object.calling = format!("MOD_{number}");
    catalog.take_in(&batch(vec![owed(object, &[])], at(number))).unwrap();
}

fn found(catalog: &dyn Catalog, filter: &StudyFilter) -> Vec<String> {
    let studies = catalog.studies(filter, ALL).unwrap();
    studies.into_iter().map(|study| study.study_instance_uid).collect()
}

/// The studies of patients with such names, the earliest first.
fn named(catalog: &dyn Catalog, name: &str) -> Vec<String> {
    let mut found = found(
        catalog,
        &StudyFilter { patient_name: Some(name.to_owned()), ..StudyFilter::default() },
    );
    found.reverse();
    found
}

on_each_database! {
    /// Each filter narrows the list down; the latest study comes first.
    fn studies_are_filtered(catalog: &dyn Catalog) {
        study(catalog, 1, ["Müller^Jürgen", "P1", "20260101", "Thorax", "CT"]);
        study(catalog, 2, ["MÜLLER^EVA", "P2", "20260201", "Abdomen 50%", "MR"]);
        study(catalog, 3, ["Yamada^Tarou=山田^太郎", "p1", "20260301", "thorax_low", "SR"]);
        study(catalog, 4, ["", "", "", "", ""]);
        let some = |text: &str| Some(text.to_owned());
        let all = StudyFilter::default();
        assert_eq!(found(catalog, &all), ["1.4", "1.3", "1.2", "1.1"]);
        for (filter, expected) in [
            (StudyFilter { study_instance_uid: some("1.2"), ..all.clone() }, &["1.2"][..]),
            (StudyFilter { patient_id: some("P1"), ..all.clone() }, &["1.3", "1.1"]),
            (StudyFilter { accession_number: some("acc?"), ..all.clone() }, &["1.4", "1.3", "1.2", "1.1"]),
            (StudyFilter { from_date: some("20260201"), ..all.clone() }, &["1.3", "1.2"]),
            (StudyFilter { to_date: some("20260201"), ..all.clone() }, &["1.2", "1.1"]),
            (StudyFilter { modality: some("mr"), ..all.clone() }, &["1.2"]),
            (StudyFilter { modality: some("?R"), ..all.clone() }, &["1.3", "1.2"]),
            (StudyFilter { calling: some("mod_*"), to_date: some("20260101"), ..all.clone() }, &["1.1"]),
            (StudyFilter { description: some("*50%"), ..all.clone() }, &["1.2"]),
            (StudyFilter { description: some("thorax?low"), ..all.clone() }, &["1.3"]),
            (StudyFilter { open: Some(false), ..all.clone() }, &[]),
            (StudyFilter { open: Some(true), patient_id: some("P2"), ..all.clone() }, &["1.2"]),
        ] {
            assert_eq!(found(catalog, &filter), expected, "{filter:?}");
        }
    }

    /// Wildcards are `*` and `?` and nothing else, and case does not matter, in any script.
    fn names_have_wildcards(catalog: &dyn Catalog) {
        let names =
            ["Müller^Jürgen", "a%b_c", "a!b\\c", "ΣΟΦΟΣ", "山田^太郎", "x' OR '1'='1", "[abc]", "A*B"];
        for (number, name) in (1..).zip(names) {
            study(catalog, number, [name, "P", "20260101", "", "CT"]);
        }
        for (pattern, expected) in [
            ("müller^jürgen", &["1.1"][..]),
            ("MÜLLER*", &["1.1"]),
            ("m?ller*", &["1.1"]),
            ("*jürgen", &["1.1"]),
            ("müller", &[]),
            ("a%b_c", &["1.2"]),
            ("a%*", &["1.2"]),
            ("a?b?c", &["1.2", "1.3"]),
            ("a!*", &["1.3"]),
            ("*\\c", &["1.3"]),
            ("σοφο*", &["1.4"]),
            ("山田*", &["1.5"]),
            ("??^太?", &["1.5"]),
            ("x' OR '1'='1", &["1.6"]),
            ("' OR 1=1 --", &[]),
            ("[abc]", &["1.7"]),
            ("[a*", &["1.7"]),
            ("a**b", &["1.8"]),
        ] {
            assert_eq!(named(catalog, pattern), expected, "{pattern}");
        }
        assert_eq!(named(catalog, "**").len(), 8);
        assert_eq!(named(catalog, &"*a".repeat(500)).len(), 0);
        assert_eq!(named(catalog, &"?".repeat(5000)).len(), 0);
        assert_eq!(named(catalog, "a\0b").len(), 0);
    }

    /// Pages follow each other without a gap, whatever comes in between.
    fn pages_follow_each_other(catalog: &dyn Catalog) {
        for number in 1..8 {
            study(catalog, number, ["N", "P", "20260101", "", "CT"]);
            take_in(catalog, "9.9", number..number + 1, &["a", "b"]);
        }
        let (mut after, mut studies) = (None, Vec::new());
        loop {
            let rows = catalog.studies(&StudyFilter::default(), Page { after, most: 3 }).unwrap();
            assert!(rows.len() <= 3);
            let Some(last) = rows.last() else { break };
            after = Some(last.id);
            studies.extend(rows.into_iter().map(|row| row.study_instance_uid));
        }
        assert_eq!(studies, ["1.7", "1.6", "1.5", "1.4", "1.3", "1.2", "9.9", "1.1"]);
        let (mut after, mut deliveries) = (None, Vec::new());
        loop {
            let rows = catalog.deliveries(&DeliveryFilter::default(), Page { after, most: 4 }).unwrap();
            assert!(rows.len() <= 4);
            let Some(last) = rows.last() else { break };
            after = Some(last.id.0);
            deliveries.extend(rows.into_iter().map(|row| row.id));
        }
        assert_eq!(deliveries.len(), 14);
        assert!(deliveries.is_sorted());
        let instances = catalog.instances(None, Page { after: None, most: 5 }).unwrap();
        let rest = Page { after: Some(instances[4].id.0), most: 1000 };
        assert_eq!(catalog.instances(None, rest).unwrap().len(), 9);
        assert_eq!(catalog.instances(Some("9.9"), rest).unwrap().len(), 5);
        assert!(catalog.series(None, Page { after: None, most: 0 }).unwrap().is_empty());
    }

    /// Deliveries by destination, state, study and SOP instance.
    fn deliveries_are_filtered(catalog: &dyn Catalog) {
        let mut first = batch(vec![owed(object("1.1", 1), &["a", "b"])], at(1));
        first.objects[0].study_destinations = vec!["b".to_owned()];
        catalog.take_in(&first).unwrap();
        take_in(catalog, "1.2", 2..4, &["a"]);
        catalog.end_studies(at(61), 1).unwrap();
        let ids = leased(catalog, &lease("a", 2, at(70)));
        let verdicts = [Verdict::Done, Verdict::Park { reason: "A900".to_owned() }];
        let settlements: Vec<_> =
            ids.iter().zip(verdicts).map(|(id, verdict)| Settlement { id: id.0, verdict }).collect();
        catalog.settle("run 1", &settlements, at(71)).unwrap();
        let some = |text: &str| Some(text.to_owned());
        let all = DeliveryFilter::default();
        let rows = catalog.deliveries(&all, ALL).unwrap();
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.destination.as_str(), row.state, row.event, row.sop_instance.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                ("b", DeliveryState::Waiting, EventKind::ObjectStored, Some("1.1.1.1")),
                ("a", DeliveryState::Parked, EventKind::ObjectStored, Some("1.2.1.2")),
                ("a", DeliveryState::Waiting, EventKind::ObjectStored, Some("1.2.1.3")),
                ("b", DeliveryState::Waiting, EventKind::StudyEnded, None),
            ]
        );
        let parked = &rows[1];
        assert_eq!((parked.attempts, parked.reason.as_deref()), (1, Some("A900")));
        assert_eq!((parked.since, parked.at, parked.size), (at(2), at(71), 1002));
        assert_eq!((parked.event_key.as_str(), parked.study.as_deref()), ("key-1.2-2", Some("1.2")));
        for (filter, expected) in [
            (DeliveryFilter { destination: some("b"), ..all.clone() }, 2),
            (DeliveryFilter { destination: some("c"), ..all.clone() }, 0),
            (DeliveryFilter { state: Some(DeliveryState::Done), ..all.clone() }, 1),
            (DeliveryFilter { study: some("1.1"), ..all.clone() }, 2),
            (DeliveryFilter { study: some("1.1"), destination: some("a"), ..all.clone() }, 0),
            (DeliveryFilter { study: some("9"), ..all.clone() }, 0),
            (DeliveryFilter { sop_instance: some("1.2.1.2"), ..all.clone() }, 1),
            (
                DeliveryFilter {
                    sop_instance: some("1.1.1.1"),
                    state: Some(DeliveryState::Done),
                    ..all.clone()
                },
                1,
            ),
        ] {
            assert_eq!(catalog.deliveries(&filter, ALL).unwrap().len(), expected, "{filter:?}");
        }
    }
}
