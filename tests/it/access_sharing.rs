//! Sharing a room (AC).

use super::support::access::{Caller, token};
use super::support::client::{Client, make_room};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use serde_json::{Value, json};
use std::net::SocketAddr;
use uuid::Uuid;

fn forbidden() -> (u16, String) {
    (403, "forbidden".to_owned())
}

/// Every request that shares, changes or deletes a room.
fn ownings() -> Vec<(&'static str, &'static str, String)> {
    let link = Uuid::nil();
    vec![
        ("GET", "/links", String::new()),
        ("POST", "/links", r#"{"role":"viewer"}"#.to_owned()),
        ("DELETE", "/links/x", String::new()),
        ("DELETE", "/links/00000000-0000-0000-0000-000000000000", link.to_string()),
        ("GET", "/members", String::new()),
        ("PUT", "/members/bob", r#"{"role":"owner"}"#.to_owned()),
        ("DELETE", "/members/ann", String::new()),
        ("PATCH", "", r#"{"visibility":"open"}"#.to_owned()),
        ("PATCH", "", r#"{"policy":"merge","visibility":"open"}"#.to_owned()),
        ("DELETE", "", String::new()),
    ]
}

async fn assert_may_not_own(caller: &Caller, address: SocketAddr) {
    for (method, path, body) in ownings() {
        let refused = caller.ask(address, method, &format!("/api/rooms/design{path}"), &body).await;
        assert_eq!(refused.refusal(), forbidden(), "{method} {path}");
    }
}

/// AC10
#[tokio::test]
async fn owners_alone_share_change_and_delete() {
    let database = TestDatabase::create().await;
    let [one, two] = TestNode::two(&database).await;
    let [ann, bob] =
        [Caller::signed_up(one.address(), "ann").await, Caller::signed_up(two.address(), "bob").await];
    ann.make_room(one.address(), "design", "open").await;
    ann.set_member(one.address(), "design", "bob", "editor").await;
    let link = ann.make_link(one.address(), "design", "editor").await;
    for editor in [Caller::guest(), bob.clone(), Caller::guest().with_link(token(&link))] {
        assert_may_not_own(&editor, two.address()).await;
        let policy = editor.ask(two.address(), "PATCH", "/api/rooms/design", r#"{"policy":"strict"}"#).await;
        assert_eq!(policy.refusal(), forbidden(), "in a room that has an owner");
    }
    let members = ann.get(two.address(), "/api/rooms/design/members").await.json();
    let told: Vec<(&str, &str, &str)> = members["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| (m["user"].as_str().unwrap(), m["name"].as_str().unwrap(), m["role"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("ann", "ANN", "owner"), ("bob", "BOB", "editor")]);
    let changed = ann
        .ask(two.address(), "PATCH", "/api/rooms/design", r#"{"policy":"strict","visibility":"readable"}"#)
        .await;
    let changed = changed.json();
    assert_eq!(
        (&changed["policy"], &changed["visibility"], &changed["role"]),
        (&json!("strict"), &json!("readable"), &json!("owner"))
    );
    let left = bob.delete(one.address(), "/api/rooms/design/members/bob").await;
    assert_eq!(left.status, 204, "a member may leave");
    assert_eq!(bob.delete(one.address(), "/api/rooms/design/members/bob").await.refusal().0, 404);
    assert_eq!(ann.delete(one.address(), "/api/rooms/design").await.status, 204);
    assert_eq!(ann.get(two.address(), "/api/rooms/design").await.status, 404);
}

/// AC10
#[tokio::test]
async fn a_guest_owns_what_it_makes_by_a_link_that_is_told_once() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let address = node.address();
    let made = Caller::guest().make_room(address, "design", "private").await;
    let owner = Caller::guest().with_link(token(&made["link"]));
    assert_eq!((&made["role"], &made["link"]["role"]), (&json!("owner"), &json!("owner")));
    assert_eq!(Caller::guest().get(address, "/api/rooms/design").await.status, 404);
    let links = owner.get(address, "/api/rooms/design/links").await.json();
    assert_eq!(links["links"].as_array().unwrap().len(), 1);
    assert_eq!((&links["links"][0]["id"], links["links"][0].get("token")), (&made["link"]["id"], None));
    let path = format!("/api/rooms/design/links/{}", made["link"]["id"].as_str().unwrap());
    assert_eq!(owner.delete(address, &path).await.refusal(), (409, "conflict".to_owned()), "the last owner");
    // The address works too: for pictures, which take no header.
    let picture = format!("/api/rooms/design/picture.svg?link={}", token(&made["link"]));
    assert_eq!(Caller::guest().get(address, &picture).await.status, 200);
    let branch = owner.post(address, "/api/rooms/design/branch", &json!({"seq": 0, "slug": "copy"})).await;
    assert_eq!(branch.status, 201);
    let branch = branch.json();
    assert_eq!(branch["visibility"], "private");
    assert_eq!(owner.get(address, "/api/rooms/copy").await.status, 404, "a link opens its own room");
    let owner = Caller::guest().with_link(token(&branch["link"]));
    assert_eq!(owner.get(address, "/api/rooms/copy").await.json()["role"], "owner");
    node.stop().await;
}

/// AC10
#[tokio::test]
async fn the_last_owner_stays_whoever_goes_first() {
    let database = TestDatabase::create().await;
    let [one, two] = TestNode::two(&database).await;
    let [ann, bob] =
        [Caller::signed_up(one.address(), "ann").await, Caller::signed_up(one.address(), "bob").await];
    ann.make_room(one.address(), "design", "open").await;
    let conflict = (409, "conflict".to_owned());
    let (anns, bobs) = ("/api/rooms/design/members/ann", "/api/rooms/design/members/bob");
    assert_eq!(ann.delete(one.address(), anns).await.refusal(), conflict);
    assert_eq!(ann.ask(one.address(), "PUT", anns, r#"{"role":"editor"}"#).await.refusal(), conflict);
    ann.set_member(one.address(), "design", "bob", "owner").await;
    // Each takes the other's right at the same moment: one of them is too late.
    let (first, second) = tokio::join!(ann.delete(one.address(), bobs), bob.delete(two.address(), anns));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert!(statuses[0] == 204 && [403, 409].contains(&statuses[1]), "{statuses:?}");
    let owners: i64 = database
        .client()
        .await
        .query_one("select count(*) from pgcanvas.members where role = 'owner'", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(owners, 1);
    let (last, path) = if first.status == 204 { (&ann, anns) } else { (&bob, bobs) };
    last.make_link(one.address(), "design", "owner").await;
    assert_eq!(last.delete(one.address(), path).await.status, 204, "a living owner link is an owner");
}

/// AC10
#[tokio::test]
async fn a_room_of_nobody_is_everybodys_to_draw_in_and_nobodys_to_close() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let address = node.address();
    make_room(&database, "design").await;
    let bob = Caller::signed_up(address, "bob").await;
    for caller in [Caller::guest(), bob] {
        assert_may_not_own(&caller, address).await;
        let policy = caller.ask(address, "PATCH", "/api/rooms/design", r#"{"policy":"offset"}"#).await;
        assert_eq!((policy.status, &policy.json()["policy"]), (200, &json!("offset")));
    }
    database.client().await.batch_execute("update pgcanvas.rooms set visibility = 'readable'").await.unwrap();
    let policy = Caller::guest().ask(address, "PATCH", "/api/rooms/design", r#"{"policy":"merge"}"#).await;
    assert_eq!(policy.refusal(), forbidden(), "that takes an editor");
    node.stop().await;
}

/// AC6
#[tokio::test]
async fn the_highest_role_counts() {
    let database = TestDatabase::create().await;
    let [one, two] = TestNode::two(&database).await;
    let [ann, bob] =
        [Caller::signed_up(one.address(), "ann").await, Caller::signed_up(one.address(), "bob").await];
    ann.make_room(one.address(), "design", "private").await;
    let roles = ["viewer", "editor", "owner"];
    let rank = |role: &str| roles.iter().position(|known| *known == role);
    let mut links: Vec<(Option<&str>, Option<Value>)> = vec![(None, None)];
    for role in roles {
        links.push((Some(role), Some(ann.make_link(one.address(), "design", role).await)));
    }
    for (visibility, everybodys) in
        [("private", None), ("readable", Some("viewer")), ("open", Some("editor"))]
    {
        let body = json!({"visibility": visibility}).to_string();
        assert_eq!(ann.ask(one.address(), "PATCH", "/api/rooms/design", &body).await.status, 200);
        for member in [None, Some("viewer"), Some("editor"), Some("owner")] {
            match member {
                Some(role) => ann.set_member(one.address(), "design", "bob", role).await,
                None => _ = ann.delete(one.address(), "/api/rooms/design/members/bob").await,
            }
            for (by_link, link) in &links {
                let caller = link.as_ref().map_or(bob.clone(), |link| bob.with_link(token(link)));
                let expected =
                    [everybodys, member, *by_link].into_iter().flatten().max_by_key(|role| rank(role));
                let told = caller.get(two.address(), "/api/rooms/design").await.json();
                assert_eq!(told["role"].as_str(), expected, "{visibility} {member:?} {by_link:?}");
                let mut socket = Client::signed_in(&two, bob.token.as_ref().unwrap()).await;
                let mut join = json!({"type": "join", "room": "design"});
                if let Some(link) = link {
                    join["link"] = json!(token(link));
                }
                socket.send(&join).await;
                let told = socket.expect(|frame| frame["type"] == "joined" || frame["type"] == "error").await;
                assert_eq!(told["role"].as_str(), expected, "{visibility} {member:?} {by_link:?}: {told}");
                socket.hang_up().await;
            }
        }
    }
}

/// AC13
#[tokio::test]
async fn odd_requests_share_nothing() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let address = node.address();
    let ann = Caller::signed_up(address, "ann").await;
    ann.make_room(address, "design", "private").await;
    for body in [
        json!({}),
        json!({"role": "god"}),
        json!({"role": "Owner"}),
        json!({"role": 1}),
        json!({"role": "viewer", "expires_in_days": 0}),
        json!({"role": "viewer", "expires_in_days": -1}),
        json!({"role": "viewer", "expires_in_days": 9_999_999_999_i64}),
        json!({"role": "viewer", "expires_in_days": 1.5}),
        json!({"role": "viewer", "token": "mine"}),
        json!([]),
    ] {
        let refused = ann.post(address, "/api/rooms/design/links", &body).await;
        assert_eq!(refused.refusal(), (400, "invalid".to_owned()), "{body}");
    }
    for user in ["nobody", "%00", "%ff", "..%2fann", "x%27", &"x".repeat(5000)] {
        let path = format!("/api/rooms/design/members/{user}");
        let put = ann.ask(address, "PUT", &path, r#"{"role":"viewer"}"#).await;
        assert_eq!(put.refusal(), (404, "not_found".to_owned()), "{user}");
        assert_eq!(ann.delete(address, &path).await.refusal(), (404, "not_found".to_owned()), "{user}");
    }
    for body in
        [r#"{"visibility":"public"}"#, r#"{"visibility":null}"#, r#"{"visibility":1}"#, "{}", "[]", ""]
    {
        assert_eq!(ann.ask(address, "PATCH", "/api/rooms/design", body).await.refusal().0, 400, "{body}");
    }
    for _ in 0..100 {
        ann.make_link(address, "design", "viewer").await;
    }
    let refused = ann.post(address, "/api/rooms/design/links", &json!({"role": "viewer"})).await;
    assert_eq!(refused.refusal(), (400, "invalid".to_owned()), "a hundred are enough");
    let odd = Caller { token: Some("é✓".to_owned()), link: None };
    assert_eq!(odd.get(address, "/api/rooms").await.refusal(), (401, "unauthorized".to_owned()));
    node.stop().await;
}
