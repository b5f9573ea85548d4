//! A stream means the same however TCP cuts it: same events, same answers, same end.

#![allow(clippy::unwrap_used, reason = "a helper's panic fails the test that called it")]

mod common;

use common::{
    CT_IMAGE_STORAGE, EXPLICIT_LITTLE, Happened, IMPLICIT_LITTLE, acceptor_config, feed, policy,
    push, start, take_outgoing, wire,
};
use proptest::prelude::*;
use proto::{Association, Request, State, Status, negotiate};

/// What a peer may send next, by the rules.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let context = prop_oneof![Just(1_u8), Just(3)];
    let data = prop::collection::vec(any::<u8>(), 0..100);
    let fragments = prop::collection::vec(data, 1..50);
    let store = (context.clone(), any::<u16>(), fragments, 1..5_usize);
    let store = store.prop_map(|(context, id, fragments, pdvs_per_pdu)| {
        let command = wire::c_store_rq(id, CT_IMAGE_STORAGE, "1.2.3");
        let last = fragments.len() - 1;
        let pdvs = fragments.iter().enumerate().map(|(index, data)| {
            wire::pdv(context, if index == last { wire::LAST } else { 0 }, data)
        });
        let mut pdvs: Vec<Vec<u8>> = pdvs.collect();
        pdvs.insert(0, wire::pdv(context, wire::COMMAND | wire::LAST, &command));
        let pdus = pdvs.chunks(pdvs_per_pdu).map(|pdvs| wire::pdu(4, &pdvs.concat()));
        pdus.collect::<Vec<_>>().concat()
    });
    let echo = (context, any::<u16>())
        .prop_map(|(context, id)| wire::p_data(context, 3, &wire::c_echo_rq(id)));
    prop_oneof![4 => store, 1 => echo]
}

/// What a peer may send next, sensible or not.
fn anything() -> impl Strategy<Value = Vec<u8>> {
    let context = prop_oneof![4 => Just(1_u8), 4 => Just(3), 1 => any::<u8>()];
    let data = prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        (context.clone(), 0..8_u8, data.clone())
            .prop_map(|(context, control, data)| wire::p_data(context, control, &data)),
        prop::collection::vec((context, 0..8_u8, data.clone()), 0..6).prop_map(|pdvs| {
            let pdvs: Vec<Vec<u8>> =
                pdvs.into_iter().map(|(id, control, data)| wire::pdv(id, control, &data)).collect();
            wire::pdu(4, &pdvs.concat())
        }),
        Just(wire::release_rq()),
        Just(wire::release_rp()),
        (0..4_u8, any::<u8>()).prop_map(|(source, reason)| wire::abort(source, reason)),
        request(),
        (any::<u8>(), data.clone()).prop_map(|(pdu_type, data)| wire::pdu(pdu_type, &data)),
        data,
    ]
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let items = prop::collection::vec(
        prop_oneof![
            3 => any::<u8>()
                .prop_map(|id| wire::context(id, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE])),
            1 => (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40))
                .prop_map(|(item_type, value)| wire::item(item_type, &value)),
        ],
        0..5,
    );
    items.prop_map(|items| wire::usual_rq(&items))
}

/// A request that is accepted, then anything.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let usual = wire::usual_rq(&[
        wire::context(1, CT_IMAGE_STORAGE, &[IMPLICIT_LITTLE]),
        wire::context(3, CT_IMAGE_STORAGE, &[EXPLICIT_LITTLE]),
    ]);
    let beginning = prop_oneof![8 => Just(usual), 1 => request(), 1 => Just(Vec::new())];
    let rest = prop::collection::vec(prop_oneof![4 => message(), 1 => anything()], 0..8);
    (beginning, rest).prop_map(|(beginning, rest)| [beginning, rest.concat()].concat())
}

/// The same with some bytes changed.
fn damaged_stream() -> impl Strategy<Value = Vec<u8>> {
    let place = any::<prop::sample::Index>();
    let damage = prop::collection::vec((place, any::<u8>()), 0..3);
    (stream(), damage).prop_map(|(mut stream, damage)| {
        for (index, byte) in damage {
            if !stream.is_empty() {
                let index = index.index(stream.len());
                stream[index] = byte;
            }
        }
        stream
    })
}

/// Events, bytes sent, and state at the end.
type Outcome = (Vec<Happened>, Vec<u8>, State);

/// An acceptor that answers everything, given the stream in pieces of these sizes, over and over.
fn outcome(stream: &[u8], sizes: &[usize]) -> Outcome {
    let now = start();
    let mut association = Association::acceptor(acceptor_config(), now);
    let mut all = Vec::new();
    let mut rest = stream;
    for &size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at(size.clamp(1, rest.len().max(1)).min(rest.len()));
        let happened = feed(&mut association, piece, now, |association, happened| {
            react(association, happened, now);
        });
        happened.into_iter().for_each(|each| push(&mut all, each));
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    let sent = take_outgoing(&mut association);
    (all, sent, association.state())
}

fn react(association: &mut Association, happened: &Happened, now: std::time::Instant) {
    match happened {
        Happened::Proposed(proposal) => association.answer(negotiate(proposal, &policy()), now),
        Happened::Command(context, command) => {
            let response = match Request::parse(command) {
                Ok(Request::CStore(request)) => request.response(Status::SUCCESS, None),
                Ok(Request::CEcho(request)) => request.response(Status::SUCCESS),
                Ok(Request::Other(request)) => request.response().clone(),
                Ok(Request::CCancel { .. }) => return,
                Err(fault) => match fault.response() {
                    Some(response) => response.clone(),
                    None => return association.abort(now),
                },
            };
            association.send_command(*context, &response).unwrap();
        }
        Happened::ReleaseRequested => association.accept_release(now),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_gives_the_same(
        stream in damaged_stream(),
        sizes in prop::collection::vec(1..2000_usize, 1..20),
    ) {
        let whole = outcome(&stream, &[stream.len()]);
        prop_assert_eq!(&outcome(&stream, &sizes), &whole);
        prop_assert_eq!(&outcome(&stream, &[1]), &whole);
    }

    #[test]
    fn garbage_is_answered_the_same_however_it_is_cut(
        garbage in prop::collection::vec(any::<u8>(), 0..500),
        sizes in prop::collection::vec(1..50_usize, 1..20),
    ) {
        let whole = outcome(&garbage, &[garbage.len()]);
        prop_assert_eq!(&outcome(&garbage, &sizes), &whole);
    }
}

/// The generator is worth something: it reaches the interesting ends.
#[test]
fn the_streams_are_neither_all_good_nor_all_bad() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut commands, mut data_sets, mut aborts, mut releases) = (0, 0, 0, 0);
    for _ in 0..300 {
        let stream = damaged_stream().new_tree(&mut runner).unwrap().current();
        for happened in outcome(&stream, &[stream.len()]).0 {
            match happened {
                Happened::Command(..) => commands += 1,
                Happened::DataSet { ended: true, .. } => data_sets += 1,
                Happened::Aborted(_) => aborts += 1,
                Happened::ReleaseRequested => releases += 1,
                _ => {}
            }
        }
    }
    let counts = [commands, data_sets, aborts, releases];
    assert!(counts.iter().all(|&count| count >= 10), "{counts:?}");
}
