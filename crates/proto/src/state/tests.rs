//! Table 9-10, cell by cell, against a copy that shares nothing with the code.

use super::*;

/// Rows Evt1 to Evt19, columns Sta1 to Sta13, as printed in PS3.8. `>` gives the next state(s).
const EXPECTED: &str = "
Evt1   AE-1>4 -      -       -      -      -      -         -      -       -        -      -       -
Evt2   -      -      -       AE-2>5 -      -      -         -      -       -        -      -       -
Evt3   -      AA-1>D AA-8>D  -      AE-3>6 AA-8>D AA-8>D    AA-8>D AA-8>D  AA-8>D   AA-8>D AA-8>D  AA-6>D
Evt4   -      AA-1>D AA-8>D  -      AE-4>1 AA-8>D AA-8>D    AA-8>D AA-8>D  AA-8>D   AA-8>D AA-8>D  AA-6>D
Evt5   AE-5>2 -      -       -      -      -      -         -      -       -        -      -       -
Evt6   -      AE-6>3D AA-8>D -      AA-8>D AA-8>D AA-8>D    AA-8>D AA-8>D  AA-8>D   AA-8>D AA-8>D  AA-7>D
Evt7   -      -      AE-7>6  -      -      -      -         -      -       -        -      -       -
Evt8   -      -      AE-8>D  -      -      -      -         -      -       -        -      -       -
Evt9   -      -      -       -      -      DT-1>6 -         AR-7>8 -       -        -      -       -
Evt10  -      AA-1>D AA-8>D  -      AA-8>D DT-2>6 AR-6>7    AA-8>D AA-8>D  AA-8>D   AA-8>D AA-8>D  AA-6>D
Evt11  -      -      -       -      -      AR-1>7 -         -      -       -        -      -       -
Evt12  -      AA-1>D AA-8>D  -      AA-8>D AR-2>8 AR-8>9A   AA-8>D AA-8>D  AA-8>D   AA-8>D AA-8>D  AA-6>D
Evt13  -      AA-1>D AA-8>D  -      AA-8>D AA-8>D AR-3>1    AA-8>D AA-8>D  AR-10>C  AR-3>1 AA-8>D  AA-6>D
Evt14  -      -      -       -      -      -      -         AR-4>D AR-9>B  -        -      AR-4>D  -
Evt15  -      -      AA-1>D  AA-2>1 AA-1>D AA-1>D AA-1>D    AA-1>D AA-1>D  AA-1>D   AA-1>D AA-1>D  -
Evt16  -      AA-2>1 AA-3>1  -      AA-3>1 AA-3>1 AA-3>1    AA-3>1 AA-3>1  AA-3>1   AA-3>1 AA-3>1  AA-2>1
Evt17  -      AA-5>1 AA-4>1  AA-4>1 AA-4>1 AA-4>1 AA-4>1    AA-4>1 AA-4>1  AA-4>1   AA-4>1 AA-4>1  AR-5>1
Evt18  -      AA-2>1 -       -      -      -      -         -      -       -        -      -       AA-2>1
Evt19  -      AA-1>D AA-8>D  -      AA-8>D AA-8>D AA-8>D    AA-8>D AA-8>D  AA-8>D   AA-8>D AA-8>D  AA-7>D
";

const EVENTS: [StateEvent; 19] = [
    StateEvent::Evt1,
    StateEvent::Evt2,
    StateEvent::Evt3,
    StateEvent::Evt4,
    StateEvent::Evt5,
    StateEvent::Evt6,
    StateEvent::Evt7,
    StateEvent::Evt8,
    StateEvent::Evt9,
    StateEvent::Evt10,
    StateEvent::Evt11,
    StateEvent::Evt12,
    StateEvent::Evt13,
    StateEvent::Evt14,
    StateEvent::Evt15,
    StateEvent::Evt16,
    StateEvent::Evt17,
    StateEvent::Evt18,
    StateEvent::Evt19,
];

/// `Ar10` as the standard writes it: `AR-10`.
fn label(action: Action) -> String {
    let name = format!("{action:?}").to_uppercase();
    format!("{}-{}", &name[..2], &name[2..])
}

/// States as one character each, hexadecimal: `D` is Sta13.
fn digit(state: State) -> char {
    let index = State::ALL.iter().position(|&each| each == state).unwrap() + 1;
    char::from_digit(u32::try_from(index).unwrap(), 16).unwrap().to_ascii_uppercase()
}

/// All outcomes of one cell, in the notation of [`EXPECTED`].
fn cell(state: State, event: StateEvent) -> String {
    let mut outcomes = Vec::new();
    let mut action = None;
    for side in [Side::Requestor, Side::Acceptor] {
        let mut machine = StateMachine { state, side };
        action = machine.apply(event);
        if action.is_none() {
            assert_eq!(machine.state(), state, "a blank cell changes nothing");
            return "-".to_owned();
        }
        outcomes.push(digit(machine.state()));
        if action == Some(Action::Ae6) {
            machine.refuse();
            outcomes.push(digit(machine.state()));
        }
    }
    outcomes.sort_unstable();
    outcomes.dedup();
    format!("{}>{}", label(action.unwrap()), outcomes.iter().collect::<String>())
}

#[test]
fn every_cell_is_as_printed() {
    let rows: Vec<&str> = EXPECTED.trim().lines().collect();
    assert_eq!(rows.len(), EVENTS.len());
    let mut visited = 0;
    for (row, event) in rows.into_iter().zip(EVENTS) {
        let mut columns = row.split_whitespace();
        assert_eq!(columns.next().unwrap(), format!("{event:?}"));
        let expected: Vec<&str> = columns.collect();
        assert_eq!(expected.len(), State::ALL.len(), "{event:?}");
        for (state, expected) in State::ALL.into_iter().zip(expected) {
            assert_eq!(cell(state, event), expected, "{event:?} in {state}");
            visited += 1;
        }
    }
    assert_eq!(visited, 13 * 19);
}

#[test]
fn nothing_leaves_the_dead_states_but_a_new_connection() {
    for event in EVENTS {
        let next = table_9_10(State::Sta1, event);
        assert_eq!(
            next.is_some(),
            matches!(event, StateEvent::Evt1 | StateEvent::Evt5),
            "{event:?}"
        );
        let next = table_9_10(State::Sta13, event).map(|action| action.next(Side::Acceptor));
        assert!(matches!(next, None | Some(State::Sta1 | State::Sta13)), "{event:?}");
    }
}
