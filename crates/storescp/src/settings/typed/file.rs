//! The top of the file.

use super::{Audit, Catalog, Destination, Faults, Http, Log, Rule, Tls, Traces, Treatment};
use crate::settings::reader::{At, Integer, OneOrMore, table, words};
use crate::settings::values::{Listen, Time};
use receiver::net::AddressFamily;

table! {
    /// Settings of storescp.
    struct File {
        /// Where to listen: a port, on the protocols of `address-family`; an address with its port; or a list of them.
        /// `[::]` is all addresses, of IPv4 too unless another entry names those. In place of PORT on the command line.
        #[schemars(example = 11112, example = ["127.0.0.1:11112", "[::1]:11112"])]
        listen: OneOrMore<Listen>,
        /// On which protocols a port without an address listens.
        #[schemars(extend("default" = "ipv4"))]
        address_family: Family,
        /// What becomes of senders that no rule matches: they are treated as the top of the file says, or refused, with
        /// "called AE title not recognized" if no rule serves the called title, else "calling AE title not recognized".
        #[schemars(extend("default" = "accept"))]
        default: Others,
        /// Our own AE title, as it is shown in the log. The called AE title is not compared with it: use rules with
        /// `called` for that.
        #[schemars(extend("default" = "STORESCP"))]
        ae_title: String,
        /// Whether /etc/hosts.allow and /etc/hosts.deny decide who is served.
        #[schemars(extend("default" = false))]
        access_control: bool,
        /// Whether names of peers are looked up in DNS.
        #[schemars(extend("default" = true))]
        host_lookup: bool,
        /// How long after connecting the association may be requested.
        #[schemars(extend("default" = "30 s"))]
        acse_timeout: Time<1>,
        /// Most associations at a time; more are rejected with "local limit exceeded". Derived from the limits of the
        /// system if it is missing. In a rule: most associations that the rule matches.
        #[schemars(example = 200)]
        max_associations: Integer<1, { i64::MAX as u64 }>,
        /// Most associations at a time from one address. Unlimited if it is missing.
        #[schemars(example = 20)]
        max_associations_per_address: Integer<1, { i64::MAX as u64 }>,
        /// How long messages in progress may go on after SIGTERM or SIGINT.
        #[schemars(extend("default" = "30 s"))]
        grace_period: Time<0>,
        /// Most commands that run at a time.
        #[schemars(extend("default" = 8))]
        max_commands: Integer<1, 1000>,
        /// Whether every association is rejected, whatever the rules say, without a reason. For maintenance.
        #[schemars(extend("default" = false))]
        refuse_all: bool,
        /// Transport layer security. Plain TCP if this table is missing.
        tls: Tls,
        /// What is logged.
        log: Log,
        /// Metrics, health and an API over HTTP.
        http: Http,
        /// Audit messages to a syslog server or a file.
        audit: Audit,
        /// Traces by OTLP/HTTP.
        traces: Traces,
        /// The catalogue of what was received.
        catalog: Catalog,
        /// Faults on purpose, to test senders.
        faults: Faults,
        /// Whom objects and ends of studies are delivered to. A file may have 1,000 of them.
        destination: Vec<At<Destination>>,
        /// How single senders are treated. The first rule that matches decides; what it does not say is as at the top.
        /// A file may have 10,000 of them.
        rule: Vec<At<Rule>>,
        .. treatment: Treatment,
    }
}

words! {
    /// The protocols that a port listens on.
    Family of AddressFamily {
        "ipv4" => AddressFamily::Ipv4, "IPv4 only";
        "ipv6" => AddressFamily::Ipv6, "IPv6 only";
        "both" => AddressFamily::Both, "IPv4 and IPv6";
    }
}

words! {
    /// Whether senders are refused that no rule matches.
    Others of bool {
        "accept" => false, "as the top of the file says";
        "refuse" => true, "they are refused";
    }
}
