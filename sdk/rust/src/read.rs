use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use crate::abi::MAJOR;
use crate::base64;
use crate::call::{AlternativeNames, Call, Caller, Certificate, Context, InitialAccessToken, Signed, Token};
use crate::metadata::Metadata;
use crate::scan::Scanner;
use crate::value::Value;

/// Reads what a hook is given, in one pass. Members it does not know are newer than this crate and left alone.
pub(crate) fn read_call<'a>(input: Value<'a>, c: &mut Call<'a>) -> Result<(), String> {
    let s = &mut Scanner::new(input.json());
    if !s.open(b'{') {
        return Err(String::from("the host sent no object"));
    }
    while let Some(name) = s.key() {
        match &*name {
            "v" => {
                let major = s.take();
                if major.int() != Some(MAJOR) {
                    return Err(format!("the host speaks version {} of the wire", major.json()));
                }
            }
            "hook" => c.hook = s.take().text(),
            "context" => read_context(s, &mut c.context),
            "client" => c.client = Metadata::read(s),
            "before" => c.before = Metadata::read(s),
            "entropy" => {
                if !base64::decode_into(&s.take().text(), &mut c.entropy) {
                    return Err(String::from("entropy is not 32 bytes in base64"));
                }
            }
            "signed" => c.signed = Some(signed(s.take())),
            "certificate" => c.certificate = Some(certificate(s.take())),
            "token" => c.token = Some(token(s.take())),
            _ => drop(s.take()),
        }
    }
    Ok(())
}

fn read_context<'a>(s: &mut Scanner<'a>, c: &mut Context<'a>) {
    if !s.open(b'{') {
        return;
    }
    while let Some(name) = s.key() {
        match &*name {
            "decision_id" => c.decision_id = s.take().text(),
            "operation" => c.operation = s.take().text(),
            "channel" => c.channel = s.take().text(),
            "client_id" => c.client_id = s.take().text(),
            "profile" => c.profile = s.take().text(),
            "now" => c.now = s.take().int().unwrap_or(0),
            "caller" => read_caller(s, &mut c.caller),
            "initial_access_token" => {
                let v = s.take();
                c.initial_access_token = Some(InitialAccessToken { label: text(v, "label"), profile: text(v, "profile"), terms: v.get("terms") });
            }
            "software_statement" => c.software_statement = s.take().get("claims"),
            "certificate" => c.certificate = Some(certificate(s.take())),
            "locked" => c.locked = s.take().strings(),
            _ => drop(s.take()),
        }
    }
}

fn read_caller<'a>(s: &mut Scanner<'a>, c: &mut Caller<'a>) {
    if !s.open(b'{') {
        return;
    }
    while let Some(name) = s.key() {
        let v = s.take();
        match &*name {
            "kind" => c.kind = v.text(),
            "ip" => c.ip = v.text(),
            "origin" => c.origin = v.text(),
            "user_agent" => c.user_agent = v.text(),
            "subject" => c.subject = v.text(),
            "client_id" => c.client_id = v.text(),
            "scopes" => c.scopes = v.strings(),
            "roles" => c.roles = v.strings(),
            _ => {}
        }
    }
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
