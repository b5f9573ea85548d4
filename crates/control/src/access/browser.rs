//! What a web page must not do by the browser of somebody who may use the control plane: DNS rebinding, requests
//! from other sites.

use super::connection::Connection;
use crate::problem::Problem;
use crate::settings::ControlSettings;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use std::net::IpAddr;

/// Whether a proxy passed the request on, so that the address which connected says nothing of its sender.
pub(super) fn is_proxied(headers: &HeaderMap) -> bool {
    const BY_PROXIES: [&str; 6] = [
        "forwarded",
        "via",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-real-ip",
    ];
    BY_PROXIES.iter().any(|name| headers.contains_key(*name))
}

/// `Host` has to be a name that no name server of somebody else decides about: otherwise a page of theirs reaches
/// us under their own name, which the browser takes for the same site (DNS rebinding).
///
/// # Errors
/// 400 without exactly one `Host`, 421 if it is another.
pub(super) fn check_host(
    head: &Parts,
    connection: &Connection,
    settings: &ControlSettings,
) -> Result<(), Problem> {
    let host = host(&head.headers).ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "a request needs exactly one header Host, with a name or an address",
        )
    })?;
    let named = head.uri.authority().into_iter().chain([&host]);
    if named.into_iter().all(|authority| is_ours(authority.host(), connection, settings)) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::MISDIRECTED_REQUEST,
        "this name of the host is not one of ours: use localhost or an address, or add the name to host-names in [http] \
         of the settings file",
    ))
}

fn is_ours(host: &str, connection: &Connection, settings: &ControlSettings) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let bare = name.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(name);
    if let Ok(address) = bare.parse::<IpAddr>() {
        let address = address.to_canonical();
        return address.is_loopback()
            || address == connection.local.ip().to_canonical()
            // No name server has a say in an address.
            || !connection.is_local();
    }
    let is_own_name = || {
        let system = rustix::system::uname();
        system.nodename().to_str().is_ok_and(|own| own.eq_ignore_ascii_case(name))
    };
    name.eq_ignore_ascii_case("localhost")
        || settings.host_names.iter().any(|known| known.eq_ignore_ascii_case(name))
        || (!connection.is_local() && is_own_name())
}

/// A request that may change something has to be one that no page of another site can make a browser send: JSON
/// (which needs a preflight that nobody answers), and from the same site.
///
/// # Errors
/// 415 if the body is not said to be JSON, 403 if another site is behind it.
pub(super) fn check_site(headers: &HeaderMap, connection: &Connection) -> Result<(), Problem> {
    const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    let kind = text(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "a request that changes something needs the header Content-Type: application/json",
        ));
    }
    let refusal =
        Err(Problem::new(StatusCode::FORBIDDEN, "the request comes from a page of another site"));
    if headers.contains_key(FETCH_SITE) {
        let is_same =
            text(headers, &FETCH_SITE).is_some_and(|site| matches!(site, "same-origin" | "none"));
        if !is_same {
            return refusal;
        }
    }
    if headers.contains_key(header::ORIGIN) {
        let scheme = if connection.is_encrypted { "https" } else { "http" };
        let own = host(headers).map(|host| format!("{scheme}://{host}"));
        let origin = text(headers, &header::ORIGIN);
        if !origin.zip(own).is_some_and(|(origin, own)| origin.eq_ignore_ascii_case(&own)) {
            return refusal;
        }
    }
    Ok(())
}

fn host(headers: &HeaderMap) -> Option<Authority> {
    let authority: Authority = text(headers, &header::HOST)?.parse().ok()?;
    // No user information belongs here.
    (!authority.as_str().contains('@')).then_some(authority)
}

/// The value of a header that is there once.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn connection(listening: &str) -> Connection {
        let listening = listening.parse().unwrap();
        let peer = "127.0.0.1:50000".parse().unwrap();
        Connection {
            peer,
            local: "127.0.0.1:8042".parse().unwrap(),
            listening,
            is_encrypted: false,
        }
    }

    fn is_host_allowed(listening: &str, uri: &str, host: &[&str]) -> bool {
        let mut request = Request::builder().uri(uri);
        for host in host {
            request = request.header("host", *host);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let settings = ControlSettings {
            host_names: vec!["pacs.example".into()],
            ..ControlSettings::on(listening.parse().unwrap())
        };
        check_host(&head, &connection(listening), &settings).is_ok()
    }

    #[test]
    fn a_name_that_somebody_else_resolves_is_not_ours() {
        const LOCAL: &str = "127.0.0.1:8042";
        for good in [
            "localhost",
            "LOCALHOST:8042",
            "127.0.0.1",
            "127.0.0.1:8042",
            "[::1]:8042",
            "pacs.example",
            "localhost.",
        ] {
            assert!(is_host_allowed(LOCAL, "/", &[good]), "{good}");
        }
        for bad in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.7",
            "",
            "a@localhost",
            "local host",
        ] {
            assert!(!is_host_allowed(LOCAL, "/", &[bad]), "{bad}");
        }
        assert!(!is_host_allowed(LOCAL, "/", &[]));
        assert!(!is_host_allowed(LOCAL, "/", &["localhost", "localhost"]), "which one counts?");
        assert!(!is_host_allowed(LOCAL, "http://evil.example/", &["localhost"]));
        assert!(is_host_allowed(LOCAL, "http://localhost/", &["localhost"]));
        // With insecure = true: addresses, and names that are known.
        const ANY: &str = "0.0.0.0:8042";
        assert!(
            is_host_allowed(ANY, "/", &["10.0.0.7:8042"])
                && is_host_allowed(ANY, "/", &["[2001:db8::1]"])
        );
        let own = rustix::system::uname();
        assert!(is_host_allowed(ANY, "/", &[own.nodename().to_str().unwrap()]));
        assert!(!is_host_allowed(ANY, "/", &["evil.example"]));
    }

    fn is_site_allowed(fields: &[(&'static str, &str)]) -> Result<(), Problem> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        check_site(&headers, &connection("127.0.0.1:8042"))
    }

    #[test]
    fn pages_of_other_sites_change_nothing() {
        const JSON: (&str, &str) = ("content-type", "application/json");
        const HOST: (&str, &str) = ("host", "localhost:8042");
        assert!(is_site_allowed(&[JSON, HOST]).is_ok(), "curl");
        assert!(
            is_site_allowed(&[("content-type", "Application/json; charset=utf-8"), HOST]).is_ok()
        );
        let own = ("origin", "http://localhost:8042");
        assert!(is_site_allowed(&[JSON, HOST, own, ("sec-fetch-site", "same-origin")]).is_ok());
        for bad in [
            &[HOST] as &[(&'static str, &str)],
            &[HOST, ("content-type", "text/plain")],
            &[HOST, ("content-type", "application/x-www-form-urlencoded")],
            &[HOST, ("content-type", "text/plain; application/json")],
            &[HOST, JSON, ("content-type", "text/plain")],
            &[HOST, JSON, ("sec-fetch-site", "cross-site")],
            &[HOST, JSON, ("sec-fetch-site", "same-site")],
            &[HOST, JSON, ("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")],
            &[HOST, JSON, ("origin", "http://evil.example")],
            &[HOST, JSON, ("origin", "http://localhost:8043")],
            &[HOST, JSON, ("origin", "https://localhost:8042")],
            &[HOST, JSON, ("origin", "null")],
            &[HOST, JSON, own, ("origin", "http://evil.example")],
            &[JSON, own],
        ] {
            assert!(is_site_allowed(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_proxy_is_not_this_machine() {
        for (name, value) in
            [("x-forwarded-for", "10.0.0.7"), ("Via", "1.1 nginx"), ("Forwarded", "for=x")]
        {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            assert!(is_proxied(&HeaderMap::from_iter([(name, value.parse().unwrap())])));
        }
        assert!(!is_proxied(&HeaderMap::from_iter([(header::HOST, "localhost".parse().unwrap())])));
    }
}
