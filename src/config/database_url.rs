//! The database's address, whose password is never shown.
use std::{fmt, str::FromStr};

/// What stands where a password was.
const HIDDEN: &str = "***";
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// A PostgreSQL address: a URL, or `key=value` pairs. Only [`DatabaseUrl::reveal`] shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// The whole address, for the one who connects.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The address without the password of its user part, and that password, percent-decoded: a command line is
    /// seen by everyone on the machine. A password elsewhere in the address stays there.
    pub fn split_password(&self) -> (String, Option<String>) {
        let parts = || {
            let (scheme, rest) = self.0.split_once("://")?;
            let authority = rest.split(['/', '?']).next()?;
            let (user, password) = authority.split_once('@')?.0.split_once(':')?;
            let (_, after) = rest.split_once('@')?;
            Some((format!("{scheme}://{user}@{after}"), Some(percent_decoded(password))))
        };
        parts().unwrap_or_else(|| (self.0.clone(), None))
    }
}

impl FromStr for DatabaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_url = SCHEMES.iter().any(|scheme| text.starts_with(scheme));
        let is_pairs = !text.contains("://") && text.contains('=');
        if is_url || is_pairs {
            Ok(Self(text.to_owned()))
        } else {
            Err("it is not a PostgreSQL address like postgresql://user@host:5432/database".to_owned())
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hide_values(&hide_parameters(&hide_user_part(&self.0))))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DatabaseUrl({self})")
    }
}

/// Hides from the first colon to the last `@`: too much rather than too little where a password is not encoded.
fn hide_user_part(text: &str) -> String {
    let shown = || {
        let (scheme, rest) = text.split_once("://")?;
        let (user_part, after) = rest.rsplit_once('@')?;
        let (user, _) = user_part.split_once(':')?;
        Some(format!("{scheme}://{user}:{HIDDEN}@{after}"))
    };
    shown().unwrap_or_else(|| text.to_owned())
}

/// Hides what a URL's parameters call a password, however they write its name.
fn hide_parameters(text: &str) -> String {
    let Some((before, query)) = text.split_once('?').filter(|_| text.contains("://")) else {
        return text.to_owned();
    };
    let hidden = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if percent_decoded(name).contains("password") => format!("{name}={HIDDEN}"),
        _ => pair.to_owned(),
    });
    format!("{before}?{}", hidden.collect::<Vec<_>>().join("&"))
}

/// Hides the value after every `password =`, be it a URL's parameter or one of `key=value` pairs.
fn hide_values(text: &str) -> String {
    let Some((before, after)) = text.split_once("password") else { return text.to_owned() };
    let Some(value) = after.trim_start().strip_prefix('=') else {
        return format!("{before}password{}", hide_values(after));
    };
    format!("{before}password={HIDDEN}{}", hide_values(after_value(value.trim_start())))
}

/// What follows a value that may be quoted.
fn after_value(text: &str) -> &str {
    let Some(quoted) = text.strip_prefix('\'') else {
        let end = text.find(|letter: char| letter == '&' || letter.is_whitespace()).unwrap_or(text.len());
        return text.split_at(end).1;
    };
    let mut is_escaped = false;
    let closing = |letter: char| {
        let closes = letter == '\'' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        closes
    };
    quoted.split_once(closing).map_or("", |(_, rest)| rest)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let decoded = (byte == b'%').then(|| hex_pair(&rest)).flatten();
        if decoded.is_some() {
            rest.nth(1);
        }
        bytes.push(decoded.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_pair(rest: &std::str::Bytes<'_>) -> Option<u8> {
    let mut rest = rest.clone();
    let mut digit = || char::from(rest.next()?).to_digit(16);
    u8::try_from(digit()? * 16 + digit()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        format!("{:?}", text.parse::<DatabaseUrl>().unwrap())
    }

    #[test]
    fn no_form_of_address_shows_its_password() {
        for address in [
            "postgres://ann:s3cret@host/db",
            "postgresql://ann:s3c@s3cret@host:5432/db?sslmode=require",
            "postgresql://ann:a/s3cret?b#@host/db",
            "postgresql://host/db?user=ann&password=s3cret&sslmode=require",
            "postgresql://host/db?user=ann&p%61ssword=s3cret",
            "host=h user=ann password=s3cret dbname=db",
            r"host=h password = 'it\'s s3cret' dbname=db",
            "host=h sslpassword=s3cret password=s3cret",
        ] {
            let shown = shown(address);
            assert!(!shown.contains("s3cret") && shown.contains(HIDDEN), "{address} shows as {shown}");
        }
        assert!(shown("host=h password='a b' dbname=db").ends_with("*** dbname=db)"));
    }

    #[test]
    fn an_address_without_a_password_shows_whole() {
        for address in ["postgres://host/db", "postgresql://ann@%2Frun%2Fpg:5432/db", "host=/run user=ann"] {
            assert_eq!(shown(address), format!("DatabaseUrl({address})"));
        }
    }

    #[test]
    fn the_password_can_travel_apart_from_the_address() {
        let split = |text: &str| text.parse::<DatabaseUrl>().unwrap().split_password();
        let (rest, password) = split("postgres://ann:a%40%zz%C3%BC@host:1/db?x=1");
        assert_eq!(rest, "postgres://ann@host:1/db?x=1");
        assert_eq!(password.as_deref(), Some("a@%zzü"));
        for whole in ["postgres://host:5432/db?user=a@b", "postgres://ann@host/db", "host=h password=x"] {
            assert_eq!(split(whole), (whole.to_owned(), None));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        for bad in ["mysql://a:s3cret@h/d", "s3cret"] {
            assert!(!bad.parse::<DatabaseUrl>().unwrap_err().contains("s3cret"));
        }
    }
}
