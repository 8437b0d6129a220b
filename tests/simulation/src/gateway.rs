//! A gateway without its data plane: the real decision client, asked about each token again and again.
//!
//! Between a decision and its use there is often a wait, as for a connection to the upstream. Then the gateway looks again,
//! as the last thing before it lets the request through (rule 9).

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use passgate_client::decider::{Parts, Rules, Settings};
use passgate_client::{Action, Ambient, CachedDecisions, Credential, MarkKey, Question, Resource};
use passgate_client::{SecretString, Undecidable};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::cast::{BOUND, TOKENS, channel};
use crate::history::{History, Use, Verdict};
use crate::installation::Subject;
use crate::rng::Rng;

/// How long until the next request, in milliseconds.
const PAUSE: (u64, u64) = (10, 250);
/// How long a request may wait between its decision and its use, in milliseconds.
const WAIT: u64 = 600;

/// What a gateway is started with.
pub struct Gateway {
    /// Its name.
    pub name: &'static str,
    /// What it asks and watches with.
    pub credential: Arc<SecretString>,
    /// What marks are read with.
    pub marks: Arc<MarkKey>,
    /// The tokens that are presented to it.
    pub subjects: Vec<Subject>,
    /// Which rules its decider keeps.
    pub rules: Rules,
    /// What happens is written down here.
    pub history: History,
    /// Decides when requests come.
    pub rng: Rng,
}

impl Gateway {
    /// Runs until its process ends.
    ///
    /// # Errors
    /// If it cannot be set up.
    pub async fn run(mut self, ambient: Ambient) -> anyhow::Result<()> {
        let replicas = TOKENS.into_iter().map(|host| channel(&ambient, host)).collect::<anyhow::Result<_>>()?;
        let settings =
            Settings { max_staleness: BOUND, rules: self.rules, ..Settings::new(self.name, ambient.uuid_v7()) };
        let (decisions, watching) = CachedDecisions::new(Parts {
            replicas,
            service_credential: self.credential.clone(),
            marks: Some(self.marks.clone()),
            ambient,
            settings,
        });
        for (subject, it) in self.subjects.iter().enumerate() {
            let client = Client {
                name: self.name,
                decisions: decisions.clone(),
                subject,
                question: question(it)?,
                history: self.history.clone(),
                rng: self.rng.branch(),
            };
            tokio::spawn(client.run());
        }
        watching.run(CancellationToken::new()).await;
        Ok(())
    }
}

fn question(it: &Subject) -> anyhow::Result<Question> {
    Ok(Question {
        token: Arc::new(Credential::parse(&it.secret).context("a token")?),
        resource: Resource::parse(&it.resource).context("a resource")?,
        action: Action::Read,
        at_least: None,
    })
}

/// Somebody who presents one token.
struct Client {
    name: &'static str,
    decisions: CachedDecisions,
    subject: usize,
    question: Question,
    history: History,
    rng: Rng,
}

impl Client {
    async fn run(mut self) {
        loop {
            let pause = self.rng.between(PAUSE.0, PAUSE.1);
            sleep(Duration::from_millis(pause)).await;
            self.request().await;
        }
    }

    async fn request(&mut self) {
        let asked = self.history.now();
        let verdict = self.decide().await;
        // Nothing has happened on this host between the verdict and here.
        let (used, known) = (self.history.now(), self.decisions.core().position());
        self.history.used(Use { gateway: self.name, subject: self.subject, asked, used, known, verdict });
    }

    async fn decide(&mut self) -> Verdict {
        loop {
            let answer = match self.decisions.answer(&self.question, None).await {
                Ok(answer) => answer,
                Err(cause) => return Verdict::Undecided(told(&cause)),
            };
            if let Some(denied) = answer.denied() {
                return Verdict::Refused(denied.reason);
            }
            if self.rng.chance(70) {
                return Verdict::Allowed;
            }
            let wait = self.rng.between(0, WAIT);
            sleep(Duration::from_millis(wait)).await;
            if self.decisions.is_good(&answer, None) {
                return Verdict::Allowed;
            }
        }
    }
}

fn told(cause: &Undecidable) -> String {
    let causes = std::iter::successors(std::error::Error::source(cause), |cause| cause.source());
    causes.fold(cause.to_string(), |text, cause| format!("{text}: {cause}"))
}
