use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use crate::abi::MAJOR;
use crate::base64;
use crate::call::{AlternativeNames, Call, Caller, Certificate, Context, InitialAccessToken, Signed, Token};
use crate::scan::Scanner;
use crate::value::Value;

/// Reads what a hook is given, in one pass. Members it does not know are newer than this crate and left alone.
pub(crate) fn read_call<'a>(input: Value<'a>, c: &mut Call<'a>) -> Result<(), String> {
    let mut s = Scanner::new(input.json());
    if !s.open(b'{') {
        return Err(String::from("the host sent no object"));
    }
    while let Some(name) = s.key() {
        match &*name {
            "context" => s = read_context(s, &mut c.context),
            "client" => s = c.client.read(s),
            "before" => s = c.before.read(s),
            name => read_member(name, s.take(), c)?,
        }
    }
    Ok(())
}

fn read_member<'a>(name: &str, v: Value<'a>, c: &mut Call<'a>) -> Result<(), String> {
    match name {
        "v" if v.int() != Some(MAJOR) => return Err(format!("the host speaks version {} of the wire", v.json())),
        "hook" => c.hook = v.text(),
        "entropy" if !base64::decode_into(&v.text(), &mut c.entropy) => return Err(String::from("entropy is not 32 bytes in base64")),
        "signed" => c.signed = Some(signed(v)),
        "certificate" => c.certificate = Some(certificate(v)),
        "token" => c.token = Some(token(v)),
        _ => {}
    }
    Ok(())
}

#[inline(never)]
fn read_context<'a>(mut s: Scanner<'a>, c: &mut Context<'a>) -> Scanner<'a> {
    if !s.open(b'{') {
        return s;
    }
    while let Some(name) = s.key() {
        if name == "caller" {
            s = read_caller(s, &mut c.caller);
            continue;
        }
        let v = s.take();
        let text = match &*name {
            "decision_id" => &mut c.decision_id,
            "operation" => &mut c.operation,
            "channel" => &mut c.channel,
            "client_id" => &mut c.client_id,
            "profile" => &mut c.profile,
            _ => {
                read_rest(&name, v, c);
                continue;
            }
        };
        *text = v.text();
    }
    s
}

/// Reads a member of a context that is no text.
fn read_rest<'a>(name: &str, v: Value<'a>, c: &mut Context<'a>) {
    match name {
        "now" => c.now = v.int().unwrap_or(0),
        "initial_access_token" => {
            c.initial_access_token = Some(InitialAccessToken { label: text(v, "label"), profile: text(v, "profile"), terms: v.get("terms") });
        }
        "software_statement" => c.software_statement = v.get("claims"),
        "certificate" => c.certificate = Some(certificate(v)),
        "locked" => c.locked = v.strings(),
        _ => {}
    }
}

#[inline(never)]
fn read_caller<'a>(mut s: Scanner<'a>, c: &mut Caller<'a>) -> Scanner<'a> {
    if !s.open(b'{') {
        return s;
    }
    while let Some(name) = s.key() {
        let v = s.take();
        let text = match &*name {
            "kind" => &mut c.kind,
            "ip" => &mut c.ip,
            "origin" => &mut c.origin,
            "user_agent" => &mut c.user_agent,
            "subject" => &mut c.subject,
            "client_id" => &mut c.client_id,
            "scopes" => {
                c.scopes = v.strings();
                continue;
            }
            "roles" => {
                c.roles = v.strings();
                continue;
            }
            _ => continue,
        };
        *text = v.text();
    }
    s
}

fn text<'a>(v: Value<'a>, name: &str) -> Cow<'a, str> {
    v.get(name).text()
}

fn signed(v: Value<'_>) -> Signed<'_> {
    Signed { kind: text(v, "kind"), alg: text(v, "alg"), kid: text(v, "kid"), claims: v.get("claims") }
}

fn certificate(v: Value<'_>) -> Certificate<'_> {
    let san = v.get("san");
    Certificate {
        subject: text(v, "subject"),
        issuer: text(v, "issuer"),
        serial: text(v, "serial"),
        sha256: text(v, "sha256"),
        san: AlternativeNames {
            dns: san.get("dns").strings(),
            uri: san.get("uri").strings(),
            email: san.get("email").strings(),
            ip: san.get("ip").strings(),
        },
        not_before: v.get("not_before").int().unwrap_or(0),
        not_after: v.get("not_after").int().unwrap_or(0),
        pem: text(v, "pem"),
    }
}

fn token(v: Value<'_>) -> Token<'_> {
    Token {
        grant_type: text(v, "grant_type"),
        subject: text(v, "subject"),
        scopes: v.get("scopes").strings(),
        audience: v.get("audience").strings(),
        claims: v.get("claims"),
    }
}
