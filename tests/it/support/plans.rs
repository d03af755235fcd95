//! What statements look at, counted in their plans: a plan that is quadratic shows on any machine, however fast or busy it is.

use super::board::hearing;
use super::server::say;
use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_postgres::{AsyncMessage, Client, Config};

/// Every statement, those of triggers and functions too, tells its connection the plan that it ran, with the rows of each step.
const TELL: &str = "load 'auto_explain';
    set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on; set auto_explain.log_analyze = on;
    set auto_explain.log_timing = off; set auto_explain.log_format = json; set auto_explain.log_level = notice";

/// The plans that a connection's statements ran.
pub(crate) struct Plans {
    told: Option<UnboundedReceiver<String>>,
}

/// What the plans of some statements looked at.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// Of all of their steps together.
    pub(crate) sum: f64,
    /// The step that looked at most, in its statement.
    worst: (f64, String),
}

/// A connection whose statements' plans are told. Where the server has no `auto_explain`, or the user may not load it, none are: then
/// their rows are not counted, and a line says so.
pub(crate) async fn watched(config: &Config) -> (Client, Plans) {
    let (client, told) = hearing(config, |message| match message {
        AsyncMessage::Notice(notice) => {
            notice.message().split_once("plan:\n").map(|(_, plan)| plan.to_owned())
        }
        _ => None,
    })
    .await;
    let told = match client.batch_execute(TELL).await {
        Ok(()) => Some(told),
        Err(error) => {
            say(&format!("rows of plans are not counted, for there is no auto_explain: {error:?}"));
            None
        }
    };
    (client, Plans { told })
}

impl Plans {
    /// Whether the server tells them.
    pub(crate) fn are_told(&self) -> bool {
        self.told.is_some()
    }

    /// What was looked at since the last call.
    pub(crate) fn rows(&mut self) -> Rows {
        let mut rows = Rows::default();
        let Some(told) = &mut self.told else { return rows };
        // A plan is told before the answer of its statement.
        while let Ok(plan) = told.try_recv() {
            let plan: Value = serde_json::from_str(&plan).expect("a plan in JSON");
            let statement = plan["Query Text"].as_str().unwrap_or_default();
            rows.add(&plan["Plan"], statement);
        }
        rows
    }
}

impl Rows {
    fn add(&mut self, step: &Value, statement: &str) {
        let number = |name: &str| step[name].as_f64().unwrap_or(0.0);
        let removed =
            ["Rows Removed by Filter", "Rows Removed by Join Filter", "Rows Removed by Index Recheck"];
        let each = number("Actual Rows") + removed.into_iter().map(number).sum::<f64>();
        // A run that finds nothing is a step too.
        let rows = each.max(1.0) * number("Actual Loops");
        self.sum += rows;
        if rows > self.worst.0 {
            self.worst = (rows, format!("{} in {statement}", step["Node Type"]));
        }
        for below in step["Plans"].as_array().into_iter().flatten() {
            self.add(below, statement);
        }
    }

    /// What is too much, in words.
    pub(crate) fn beyond(&self, most: f64) -> Option<String> {
        let (rows, step) = &self.worst;
        (self.sum > most)
            .then(|| format!("{:.0} rows, not {most:.0} at most; {rows:.0} of them: {step}", self.sum))
    }
}
