//! What the log tells of patients.

use interop::wire::Client;
use interop::{Object, Program, Server};

/// The name and the number of [`Object`]s' patient.
const PATIENT: [&str; 3] = ["Doe", "Jane", "4711"];

#[test]
fn no_level_logs_what_a_data_set_says_of_a_patient() {
    for options in [&[][..], &["-v"], &["-d"], &["-ll", "trace"], &["-d", "+B"]] {
        let server = Server::start(Program::Ours, options);
        let mut client = Client::usual(server.port());
        let good = Object::ct(1000);
        assert_eq!(client.store(3, &good).status(), 0);
        // Refused, which is logged at every level: it is not the instance that was announced.
        let other = Object { sop_instance: "2.25.1".to_owned(), ..good.clone() };
        assert_eq!(client.store(3, &other).status(), 0xA900);
        // Refused in the middle of an element.
        let cut = Object { bytes: good.bytes[..good.bytes.len() - 100].to_vec(), ..good };
        assert_eq!(client.store(3, &cut).status() == 0, options.contains(&"+B"));
        client.release();
        server.wait_for_log("cannot store SOP instance");
        let log = server.stderr() + &server.stdout();
        for word in PATIENT {
            assert!(!log.contains(word), "{options:?}: {word} in\n{log}");
        }
        let warned = log.contains("identify patients");
        assert_eq!(warned, !options.is_empty() && options != ["-v"], "{options:?}: {log}");
    }
}
