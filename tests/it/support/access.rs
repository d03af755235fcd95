//! People, and what they ask for by HTTP.

use super::http::{Response, ask};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The password of everybody in tests.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Somebody who asks: signed in, with a link, or neither.
#[derive(Clone, Default)]
pub(crate) struct Caller {
    pub(crate) token: Option<String>,
    pub(crate) link: Option<String>,
}

impl Caller {
    /// Somebody without an account.
    pub(crate) fn guest() -> Self {
        Self::default()
    }

    /// Makes an account.
    pub(crate) async fn signed_up(address: SocketAddr, login: &str) -> Self {
        let body = json!({"login": login, "password": PASSWORD, "name": login.to_uppercase()});
        let answer = Self::guest().post(address, "/api/signup", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Self { token: answer.json()["token"].as_str().map(str::to_owned), link: None }
    }

    /// The same, with a link.
    pub(crate) fn with_link(&self, link: &str) -> Self {
        Self { link: Some(link.to_owned()), ..self.clone() }
    }

    /// Any request.
    pub(crate) async fn ask(&self, address: SocketAddr, method: &str, path: &str, body: &str) -> Response {
        let bearer = self.token.as_ref().map(|token| ("authorization", format!("Bearer {token}")));
        let link = self.link.as_ref().map(|link| ("x-pgcanvas-link", link.clone()));
        let headers: Vec<(&str, String)> = bearer.into_iter().chain(link).collect();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        ask(address, method, path, &headers, body).await
    }

    pub(crate) async fn get(&self, address: SocketAddr, path: &str) -> Response {
        self.ask(address, "GET", path, "").await
    }

    pub(crate) async fn post(&self, address: SocketAddr, path: &str, body: &Value) -> Response {
        self.ask(address, "POST", path, &body.to_string()).await
    }

    pub(crate) async fn delete(&self, address: SocketAddr, path: &str) -> Response {
        self.ask(address, "DELETE", path, "").await
    }

    /// Makes a room; gives the answer.
    pub(crate) async fn make_room(&self, address: SocketAddr, slug: &str, visibility: &str) -> Value {
        let body = json!({"slug": slug, "visibility": visibility});
        let answer = self.post(address, "/api/rooms", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    /// Makes a link; gives the answer.
    pub(crate) async fn make_link(&self, address: SocketAddr, room: &str, role: &str) -> Value {
        let answer = self.post(address, &format!("/api/rooms/{room}/links"), &json!({"role": role})).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    /// Makes somebody a member.
    pub(crate) async fn set_member(&self, address: SocketAddr, room: &str, user: &str, role: &str) {
        let path = format!("/api/rooms/{room}/members/{user}");
        let answer = self.ask(address, "PUT", &path, &json!({"role": role}).to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

/// A token of an answer.
pub(crate) fn token(answer: &Value) -> &str {
    answer["token"].as_str().unwrap_or_else(|| panic!("no token in {answer}"))
}
