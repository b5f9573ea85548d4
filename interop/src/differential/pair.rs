//! Runs two receivers with the same options and sends the same data sets to both.

use std::fs;
use std::time::Duration;

use super::{Case, OptionSet};
use crate::wire::{Answer, Client, Command, Context, Pdv, Request, data_pdu, tag, uid};
use crate::{Program, Server, Setup};

/// What a receiver did with a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) answer: StoreAnswer,
    /// Names and contents of all files in the output directory afterwards.
    pub(super) files: Vec<(String, Vec<u8>)>,
}

impl Outcome {
    /// Status of the response, if there was one.
    pub(super) fn status(&self) -> Option<u16> {
        match self.answer {
            StoreAnswer::Response(status, _) => Some(status),
            _ => None,
        }
    }
}

/// How a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StoreAnswer {
    /// A C-STORE-RSP: status and Error Comment.
    Response(u16, String),
    /// An A-ABORT.
    Abort,
    /// Anything else, or no answer.
    Other(String),
}

/// Both receivers: ours, then Debian's.
#[derive(Debug)]
pub(super) struct Pair {
    receivers: [Receiver; 2],
    self_check: bool,
}

impl Pair {
    pub(super) fn start(programs: [Program; 2], options: &OptionSet, syntaxes: &[String]) -> Self {
        let self_check = programs[0] == Program::Debian;
        let [mut ours, debians] = options.dictionaries();
        if self_check {
            ours.clone_from(&debians);
        }
        let receivers = [
            Receiver::start(programs[0], options, &ours, syntaxes),
            Receiver::start(programs[1], options, &debians, syntaxes),
        ];
        Self { receivers, self_check }
    }

    /// Sends a data set to both receivers.
    pub(super) fn send(&mut self, case: &Case) -> [Outcome; 2] {
        let mut outcomes = self.receivers.each_mut().map(|receiver| receiver.send(case));
        if self.self_check {
            as_ours_would(&mut outcomes[0]);
        }
        outcomes
    }

    /// The last log lines of each receiver.
    pub(super) fn logs(&self) -> [String; 2] {
        self.receivers.each_ref().map(|receiver| {
            let log = receiver.server.stderr();
            let lines: Vec<&str> = log.lines().collect();
            lines[lines.len().saturating_sub(4)..].join("\n")
        })
    }
}

/// Converts a failure of Debian's program into what ours must do instead: answer, and store no file.
fn as_ours_would(outcome: &mut Outcome) {
    if outcome.answer == StoreAnswer::Abort {
        outcome.answer = StoreAnswer::Response(0xC000, "aborted".to_owned());
    }
    if outcome.status() != Some(0x0000) {
        outcome.files.clear();
    }
}

/// A receiver and an association to it, which is reopened after an abort.
#[derive(Debug)]
struct Receiver {
    setup: Setup,
    server: Server,
    syntaxes: Vec<String>,
    /// The association, and the SOP class that it was opened for.
    client: Option<(Client, String)>,
}

impl Receiver {
    fn start(program: Program, options: &OptionSet, dictionary: &str, syntaxes: &[String]) -> Self {
        let mut arguments = options.debian_arguments();
        if program == Program::Ours {
            let own = options.arguments().into_iter().chain(["--durability", "none"]);
            arguments = own.map(str::to_owned).collect();
        }
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let setup = Server::with(program, &arguments).environment("DCMDICTPATH", dictionary);
        let server = started(&setup);
        Self { setup, server, syntaxes: syntaxes.to_vec(), client: None }
    }

    fn send(&mut self, case: &Case) -> Outcome {
        let place = self.syntaxes.iter().position(|syntax| *syntax == case.transfer_syntax);
        let place = place.expect("a context for each transfer syntax");
        let context = u8::try_from(place * 2 + 1).expect("at most 128 transfer syntaxes");
        let open = self.client.take().filter(|(_, class)| *class == case.sop_class);
        let mut client = open.map_or_else(|| self.associate(&case.sop_class), |(client, _)| client);
        let answer = store(&mut client, context, case);
        let files = self.take_files();
        match answer {
            StoreAnswer::Response(..) => self.client = Some((client, case.sop_class.clone())),
            StoreAnswer::Abort => {}
            // Restart the receiver, so that it is not still busy when the next data set is sent.
            StoreAnswer::Other(_) => self.server = started(&self.setup),
        }
        Outcome { answer, files }
    }

    /// Opens an association with one context per transfer syntax, and one for the SOP class of the message,
    /// which has to be negotiated, but not on the context that is used.
    fn associate(&self, class: &str) -> Client {
        let contexts = self.syntaxes.iter().map(|syntax| (uid::CT, syntax.as_str()));
        let contexts = contexts.chain([(class, uid::IVLE)]).zip((1..).step_by(2));
        let contexts =
            contexts.map(|((class, syntax), id)| Context::new(id, class, &[syntax])).collect();
        let request = Request { max_pdu: Some(PDU_BYTES), ..Request::new(contexts) };
        let (client, accept) = Client::associate(self.server.port(), &request);
        for (context, syntax) in accept.contexts.iter().zip(&self.syntaxes) {
            assert_eq!(context.result, 0, "{syntax} is accepted");
        }
        client
    }

    /// Reads and removes all files.
    fn take_files(&self) -> Vec<(String, Vec<u8>)> {
        let directory = self.server.directory();
        let entries = fs::read_dir(directory).expect("the output directory").flatten();
        let mut files: Vec<(String, Vec<u8>)> = entries
            .map(|entry| {
                let bytes = fs::read(entry.path()).expect("a stored file can be read");
                fs::remove_file(entry.path()).expect("a stored file can be removed");
                (entry.file_name().to_string_lossy().into_owned(), bytes)
            })
            .collect();
        files.sort();
        files
    }
}

fn started(setup: &Setup) -> Server {
    setup.try_start().unwrap_or_else(|failure| panic!("a receiver ended: {failure:?}"))
}

fn store(client: &mut Client, context: u8, case: &Case) -> StoreAnswer {
    let command = Command::store(client.message_id(), &case.sop_class, &case.sop_instance);
    let mut message = data_pdu(&[Pdv::command(context, true, &command.encode())]);
    let mut chunks = case.bytes.chunks(PDV_BYTES).peekable();
    if case.bytes.is_empty() {
        message.extend(data_pdu(&[Pdv::data(context, true, &[])]));
    }
    while let Some(chunk) = chunks.next() {
        message.extend(data_pdu(&[Pdv::data(context, chunks.peek().is_none(), chunk)]));
    }
    // A receiver that gives up early may close the connection; its answer can still be read.
    let _ = client.try_send(&message);
    match client.answer_within(ANSWER_TIME_LIMIT) {
        Answer::Data(pdvs) => {
            let response = Command::parse(&pdvs[0].data);
            StoreAnswer::Response(response.status(), response.text(tag::ERROR_COMMENT))
        }
        Answer::Abort(..) => StoreAnswer::Abort,
        other => StoreAnswer::Other(format!("{other:?}")),
    }
}

const ANSWER_TIME_LIMIT: Duration = Duration::from_secs(5);
const PDU_BYTES: u32 = 131_072;

/// Data-set bytes per PDV.
pub(super) const PDV_BYTES: usize = PDU_BYTES as usize - 12;
