//! Accounts, and who is signed in (AC).

use super::support::access::{Caller, PASSWORD, token};
use super::support::client::Client;
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use super::support::server::retried;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// AC1
#[tokio::test]
async fn who_signs_up_or_in_is_known_on_every_node_until_they_sign_out() {
    let database = TestDatabase::create().await;
    let nodes = TestNode::two(&database).await;
    let [one, two] = [nodes[0].address(), nodes[1].address()];
    let made = Caller::guest()
        .post(one, "/api/signup", &json!({"login": "ann", "password": PASSWORD, "name": " Ann Bly "}))
        .await;
    assert_eq!((made.status, &made.json()["user"]), (201, &json!({"id": "ann", "name": "Ann Bly"})));
    assert_eq!(made.headers["cache-control"], "no-store", "the token is told this once");
    let again = json!({"login": "ann", "password": PASSWORD});
    let taken = Caller::guest().post(two, "/api/signup", &again).await;
    assert_eq!(taken.refusal(), (409, "conflict".to_owned()));
    let signed_in = Caller::guest().post(two, "/api/signin", &again).await;
    assert_eq!((signed_in.status, &signed_in.json()["user"]["name"]), (200, &json!("Ann Bly")));
    let (made, signed_in) = (made.json(), signed_in.json());
    let by = |answer: &Value| Caller { token: Some(token(answer).to_owned()), link: None };
    let (first, second) = (by(&made), by(&signed_in));
    assert_ne!(first.token, second.token);
    for (caller, address) in [(&first, two), (&second, one)] {
        assert_eq!(
            caller.get(address, "/api/me").await.json(),
            json!({"user": {"id": "ann", "name": "Ann Bly"}})
        );
    }
    assert_eq!(first.post(two, "/api/signout", &json!({})).await.status, 204);
    for (method, path) in
        [("GET", "/api/me"), ("POST", "/api/signout"), ("GET", "/api/rooms"), ("POST", "/api/rooms")]
    {
        let refused = first.ask(one, method, path, "").await;
        assert_eq!(refused.headers["www-authenticate"], "Bearer");
        assert_eq!(refused.refusal(), (401, "unauthorized".to_owned()), "{method} {path}");
    }
    assert_eq!(second.get(one, "/api/me").await.status, 200, "another device stays signed in");
    assert_eq!(Caller::guest().get(one, "/api/me").await.refusal(), (401, "unauthorized".to_owned()));
}

/// AC1, AC13
#[tokio::test]
async fn what_breaks_a_rule_makes_no_account() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let long = "x".repeat(257);
    let huge = "x".repeat(64 * 1024);
    let name = "n".repeat(65);
    for body in [
        json!({"login": "Ann", "password": PASSWORD}),
        json!({"login": "a", "password": PASSWORD}),
        json!({"login": "guest-6f1d2a3e", "password": PASSWORD}),
        json!({"login": "guest", "password": PASSWORD}),
        json!({"login": "ann\u{0}", "password": PASSWORD}),
        json!({"login": "ännchen", "password": PASSWORD}),
        json!({"login": "../ann", "password": PASSWORD}),
        json!({"login": "sql:ann", "password": PASSWORD}),
        json!({"login": "ann", "password": "short77"}),
        json!({"login": "ann", "password": long}),
        json!({"login": "ann", "password": 12_345_678}),
        json!({"login": "ann", "password": null}),
        json!({"login": "ann"}),
        json!({"password": PASSWORD}),
        json!({"login": "ann", "password": PASSWORD, "name": name}),
        json!({"login": "ann", "password": PASSWORD, "name": "a\u{7}b"}),
        json!({"login": "ann", "password": PASSWORD, "role": "owner"}),
        json!([]),
    ] {
        let refused = Caller::guest().post(node.address(), "/api/signup", &body).await;
        assert!(!refused.body.contains("12345678"), "no part of a password comes back: {refused:?}");
        assert_eq!(refused.refusal(), (400, "invalid".to_owned()), "{body}");
    }
    for (path, status) in [("/api/signup", 413), ("/api/signin", 413)] {
        let body = json!({"login": "ann", "password": huge});
        assert_eq!(Caller::guest().post(node.address(), path, &body).await.status, status, "{path}");
    }
    for (method, path) in
        [("GET", "/api/signup"), ("DELETE", "/api/signin"), ("POST", "/api/me"), ("GET", "/api/signout")]
    {
        assert_eq!(
            Caller::guest().ask(node.address(), method, path, "").await.status,
            405,
            "{method} {path}"
        );
    }
    let users: i64 =
        database.client().await.query_one("select count(*) from pgcanvas.users", &[]).await.unwrap().get(0);
    assert_eq!(users, 0);
    // What is odd but sound: any characters, at the bounds, and a name that is nothing but space.
    let body = json!({"login": "a.n_n-1", "password": "påss\u{0}wörd 🗝", "name": "  "});
    let made = Caller::guest().post(node.address(), "/api/signup", &body).await;
    assert_eq!((made.status, &made.json()["user"]["name"]), (201, &json!("a.n_n-1")));
    node.stop().await;
}

/// AC2
#[tokio::test]
async fn a_wrong_login_is_told_as_a_wrong_password_is() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    Caller::signed_up(node.address(), "ann").await;
    let mut told = BTreeSet::new();
    for (login, password) in [
        ("ann", "wrong horse battery".to_owned()),
        ("bob", PASSWORD.to_owned()),
        ("Not A Login!", PASSWORD.to_owned()),
        ("ann", "x".repeat(300)),
        ("ann", String::new()),
    ] {
        let body = json!({"login": login, "password": password});
        let refused = Caller::guest().post(node.address(), "/api/signin", &body).await;
        assert_eq!(refused.status, 401, "{body}");
        told.insert(refused.body);
    }
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(node.metric("pgcanvas_sign_ins_total{kind=\"wrong\"}"), 3, "those that were looked at");
    node.stop().await;
}

/// AC2
#[tokio::test]
async fn who_tries_passwords_is_slowed_on_all_nodes_and_who_knows_it_is_forgiven() {
    let database = TestDatabase::create().await;
    let both = TestNode::two(&database).await;
    let nodes = [both[0].address(), both[1].address()];
    Caller::signed_up(nodes[0], "ann").await;
    let sign_in = |node: usize, login: &'static str, password: &'static str| {
        let body = json!({"login": login, "password": password});
        async move { Caller::guest().post(nodes[node], "/api/signin", &body).await }
    };
    for turn in 0..4 {
        assert_eq!(sign_in(turn % 2, "ann", "wrong horse battery").await.status, 401);
    }
    assert_eq!(sign_in(0, "ann", PASSWORD).await.status, 200, "four in vain are no harm");
    for login in ["ann", "nobody"] {
        let mut tried = Vec::new();
        for turn in 0..12 {
            let answer = sign_in(turn % 2, login, "wrong horse battery").await;
            if answer.status == 429 {
                let wait: u64 = answer.headers["retry-after"].parse().unwrap();
                assert!((1..=60).contains(&wait), "{answer:?}");
                assert_eq!(answer.refusal().1, "rate_limited");
            }
            tried.push(answer.status);
        }
        assert!(tried[..5].iter().all(|status| *status == 401), "{login}: {tried:?}");
        assert!(tried.iter().filter(|status| **status == 401).count() <= 8, "{login}: {tried:?}");
    }
    assert_eq!(sign_in(1, "ann", PASSWORD).await.status, 429, "the right one has to wait like any");
    let client = database.client().await;
    let later =
        "update pgcanvas.sign_in_attempts set last_at = last_at - interval '61 seconds' where login = 'ann'";
    client.batch_execute(later).await.unwrap();
    assert_eq!(sign_in(1, "ann", PASSWORD).await.status, 200);
    let counted = client.query("select login::text from pgcanvas.sign_in_attempts", &[]).await.unwrap();
    let counted: Vec<String> = counted.iter().map(|row| row.get(0)).collect();
    assert_eq!(counted, ["nobody"], "who is let in is forgiven");
}

/// AC2
#[tokio::test]
async fn many_tries_at_once_are_many() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let address = node.address();
    let tries = (0..30).map(|_| async move {
        let body = json!({"login": "ann", "password": "wrong horse battery"});
        Caller::guest().post(address, "/api/signin", &body).await.status
    });
    let answers = futures_util::future::join_all(tries).await;
    let tried = answers.iter().filter(|status| **status == 401).count();
    assert!(
        (5..=8).contains(&tried) && answers.iter().all(|status| [401, 429].contains(status)),
        "{answers:?}"
    );
    node.stop().await;
}

/// AC3, AC12
#[tokio::test]
async fn secrets_are_told_once_and_kept_nowhere() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let address = node.address();
    let ann = Caller::signed_up(address, "ann").await;
    ann.make_room(address, "design", "private").await;
    let link = ann.make_link(address, "design", "editor").await;
    let secrets =
        [ann.token.clone().unwrap(), token(&link).to_owned(), PASSWORD.to_owned(), "argon2".to_owned()];
    for path in [
        "/api/me",
        "/api/rooms",
        "/api/rooms/design",
        "/api/rooms/design/links",
        "/api/rooms/design/members",
        "/metrics",
    ] {
        let answer = ann.with_link(token(&link)).get(address, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(secrets.iter().all(|secret| !answer.body.contains(secret)), "{path}: {}", answer.body);
        assert!(!answer.body.contains("hash"), "{path}: {}", answer.body);
    }
    let shown = format!("{:?}", node.node().sign_ins);
    assert!(secrets.iter().all(|secret| !shown.contains(secret)), "{shown}");
    // No column of any table holds one as it is, and a hash alone opens nothing.
    let client = database.client().await;
    let dump = "select string_agg(t::text, '') from (
        select u::text from pgcanvas.users u union all select s::text from pgcanvas.sign_ins s
        union all select l::text from pgcanvas.links l union all select r::text from pgcanvas.rooms r) as t";
    let kept: String = client.query_one(dump, &[]).await.unwrap().get(0);
    assert!(secrets[..3].iter().all(|secret| !kept.contains(secret)), "{kept}");
    let hashes = "select encode(token_hash, 'hex') from pgcanvas.sign_ins union all select encode(token_hash, 'hex') from pgcanvas.links
        union all select password_hash from pgcanvas.users";
    for row in client.query(hashes, &[]).await.unwrap() {
        let hash: String = row.get(0);
        let by_hash = Caller { token: None, link: Some(hash.clone()) };
        assert_eq!(by_hash.get(address, "/api/rooms/design").await.status, 404);
        assert_eq!(Caller { token: Some(hash), link: None }.get(address, "/api/me").await.status, 401);
    }
    node.stop().await;
}

/// AC12
#[tokio::test]
async fn readers_and_writers_by_sql_see_no_secret_and_change_no_right() {
    let database = TestDatabase::create().await;
    let owner = database.client().await;
    owner.batch_execute("select pgcanvas.open_room(1)").await.unwrap();
    for role in ["pgcanvas_analyst", "pgcanvas_writer", "pgcanvas_node"] {
        let client = database.client().await;
        client.batch_execute(&format!("set role {role}")).await.unwrap();
        for table in ["users", "sign_ins", "sign_in_attempts", "members", "links", "rooms"] {
            for sql in [
                format!("select from pgcanvas.{table}"),
                format!("insert into pgcanvas.{table} default values"),
                format!("delete from pgcanvas.{table}"),
            ] {
                let refused = client.batch_execute(&sql).await.unwrap_err();
                assert_eq!(refused.code().unwrap().code(), "42501", "{role}: {sql}");
            }
        }
        if role == "pgcanvas_node" {
            continue; // which calls the procedures that check nothing: it has checked
        }
        for call in [
            "user_by_login('ann')",
            "who_is(sha256('x'))",
            "add_sign_in('ann', sha256('x'), 1)",
            "create_user('ann', 'Ann', 'x')",
            "room_access('1', 'ann', null)",
            "set_member(1, 'ann', 'owner')",
            "make_link(1, 'owner', sha256('x'), 'ann', null)",
            "set_visibility(1, 'open')",
            "change_rights(1)",
            "delete_room(1)",
        ] {
            let refused = client.batch_execute(&format!("select pgcanvas.{call}")).await.unwrap_err();
            assert_eq!(refused.code().unwrap().code(), "42501", "{role}: {call}");
        }
    }
}

/// AC5
#[tokio::test]
async fn what_a_person_drew_on_one_device_is_undone_on_another_on_another_node() {
    let database = TestDatabase::create().await;
    let [one, two] = TestNode::two(&database).await;
    let ann = Caller::signed_up(one.address(), "ann").await;
    ann.make_room(one.address(), "design", "open").await;
    let token = ann.token.as_ref().unwrap();
    let [mut desk, mut phone] = [Client::signed_in(&one, token).await, Client::signed_in(&two, token).await];
    desk.join("design").await;
    phone.join("design").await;
    let mut bob = Client::joined(&two, "bob", "design").await;
    desk.draw("design", json!([{"op": "put", "shape": {"id": "a", "kind": "rectangle"}}])).await;
    bob.draw("design", json!([{"op": "put", "shape": {"id": "b", "kind": "rectangle"}}])).await;
    phone.send(&json!({"type": "undo", "room": "design", "op_id": 1})).await;
    phone.acked(1).await;
    let board = bob.reach("design", 3).await;
    assert!(board.shape("a").is_none() && board.shape("b").is_some(), "the person's own, nobody else's");
    desk.send(&json!({"type": "redo", "room": "design", "op_id": 2})).await;
    desk.acked(2).await;
    assert!(bob.reach("design", 4).await.shape("a").is_some());
    let history = ann.get(two.address(), "/api/rooms/design/history").await.json();
    let by: Vec<&str> =
        history["batches"].as_array().unwrap().iter().map(|b| b["by"].as_str().unwrap()).collect();
    assert_eq!((by[0], by[1], by[3]), ("ann", "ann", "ann"));
    assert!(by[2].starts_with("guest-"), "{by:?}");
    let posted = json!({"client": desk.client(), "op_id": 9, "ops": [{"op": "delete", "id": "a"}]});
    assert_eq!(ann.post(two.address(), "/api/rooms/design/ops", &posted).await.status, 200);
    let last = ann.get(one.address(), "/api/rooms/design").await.json();
    assert_eq!(last["touched_by"], "ann");
}

/// AC17
#[tokio::test]
async fn a_password_is_changed_by_who_knows_it() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let address = node.address();
    let ann = Caller::signed_up(address, "ann").await;
    let sign_in = |password: &'static str| async move {
        Caller::guest().post(address, "/api/signin", &json!({"login": "ann", "password": password})).await
    };
    let other = Caller { token: Some(token(&sign_in(PASSWORD).await.json()).to_owned()), link: None };
    let change = |caller: &Caller, old: &str, new: &str| {
        let (caller, body) = (caller.clone(), json!({"password": old, "new_password": new}));
        async move { caller.post(address, "/api/me/password", &body).await }
    };
    assert_eq!(change(&Caller::guest(), PASSWORD, "another horse").await.status, 401);
    assert_eq!(
        change(&ann, "wrong horse battery", "another horse").await.refusal(),
        (401, "unauthorized".to_owned())
    );
    assert_eq!(change(&ann, PASSWORD, "short").await.refusal(), (400, "invalid".to_owned()));
    assert_eq!(sign_in(PASSWORD).await.status, 200, "nothing has changed");
    assert_eq!(change(&ann, PASSWORD, "another horse").await.status, 204);
    assert_eq!(
        (ann.get(address, "/api/me").await.status, other.get(address, "/api/me").await.status),
        (200, 401)
    );
    assert_eq!((sign_in(PASSWORD).await.status, sign_in("another horse").await.status), (401, 200));
    let mut tries = Vec::new();
    for _ in 0..8 {
        tries.push(change(&ann, "wrong horse battery", "a third horse").await.status);
    }
    assert!(tries.contains(&429), "it is slowed as signing in is: {tries:?}");
    node.stop().await;
}

/// AC11
#[tokio::test]
async fn a_token_that_expired_or_was_taken_back_ends_its_sockets_too() {
    let database = TestDatabase::create().await;
    let [one, two] = TestNode::two(&database).await;
    let ann = Caller::signed_up(one.address(), "ann").await;
    let bob = Caller::signed_up(one.address(), "bob").await;
    let mut anns = Client::signed_in(&two, ann.token.as_ref().unwrap()).await;
    let mut bobs = Client::signed_in(&two, bob.token.as_ref().unwrap()).await;
    assert_eq!(ann.post(one.address(), "/api/signout", &json!({})).await.status, 204);
    assert_eq!(anns.line().closed().await.0, Some(4401));
    bobs.ping().await;
    let client = database.client().await;
    client.batch_execute("update pgcanvas.sign_ins set expires_at = now()").await.unwrap();
    assert_eq!(bob.get(one.address(), "/api/me").await.status, 401, "at once where it is asked for");
    assert_eq!(bobs.line().closed().await.0, Some(4401));
    let forgotten = retried(Duration::from_secs(20), || async {
        let left: i64 = client.query_one("select count(*) from pgcanvas.sign_ins", &[]).await.unwrap().get(0);
        if left == 0 { Ok(()) } else { Err(left) }
    });
    assert_eq!(forgotten.await, Ok(()));
}

/// AC15
#[tokio::test]
async fn who_is_erased_has_no_account_right_or_token_any_more() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let address = node.address();
    let ann = Caller::signed_up(address, "ann").await;
    ann.make_room(address, "design", "private").await;
    ann.make_link(address, "design", "owner").await;
    let client = database.client().await;
    client.batch_execute("call pgcanvas.erase_user('ann')").await.unwrap();
    assert_eq!(ann.get(address, "/api/me").await.status, 401);
    let left = "select count(*) from (
        select id::text from pgcanvas.users union all select user_id from pgcanvas.members
        union all select user_id from pgcanvas.sign_ins union all select created_by from pgcanvas.links
        union all select owner from pgcanvas.rooms) as t (name) where name = 'ann'";
    let left: i64 = client.query_one(left, &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
    node.stop().await;
}
