//! `passgate audit verify`: whether the changes are what they were.

use std::fmt::Write as _;
use std::str::FromStr;

use clap::Args;
use passgate_proto::r#type::v1::{ChainReport, Position};
use serde_json::Value;

use super::{Service, ask};
use crate::admin::console::Console;
use crate::admin::failure::Failure;
use crate::admin::screen::{Output, Shown, plain_json, to_json};

/// The examples of its help.
pub const EXAMPLES: &str = "\
Examples:
  passgate audit verify
  passgate audit verify --service token --from 1000
  passgate audit verify --known token:01890a5d-ac96-774b-bcce-b302099a8057:57:5f3c1d0a9be27c64115f3c1d0a9be27c64115f3c1d0a9be27c64115f3c1d0a9b";

/// Its flags.
#[derive(Args, Debug)]
pub struct Verify {
    /// Only the audit of this service; all three if left out.
    #[arg(long, value_enum)]
    service: Option<Service>,
    /// The first change to look at; the first there is if left out.
    #[arg(long, value_name = "NUMBER", requires = "service", default_value_t = 0, hide_default_value = true)]
    from: u64,
    /// The last change to look at; the newest if left out.
    #[arg(long, value_name = "NUMBER", requires = "service", default_value_t = 0, hide_default_value = true)]
    to: u64,
    /// What an earlier run called `keep`, and you kept elsewhere. Say it again for each service.
    #[arg(long, value_name = "SERVICE:FEED:NUMBER:HASH")]
    known: Vec<Known>,
    /// See [`Shown`].
    #[command(flatten)]
    shown: Shown,
}

/// A head that was kept elsewhere.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    service: Service,
    position: Position,
}

impl FromStr for Known {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = "must have the form SERVICE:FEED:NUMBER:HASH, as `passgate audit verify` wrote it";
        let parts: Vec<&str> = text.split(':').collect();
        let [service, feed, number, hash] = parts.as_slice() else { return Err(form) };
        let service = Service::ALL.into_iter().find(|known| known.name() == *service).ok_or(form)?;
        let number = number.parse().map_err(|_| form)?;
        let digits: Option<Vec<u32>> = hash.chars().map(|digit| digit.to_digit(16)).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(form)?;
        let bytes = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte * 16 + digit));
        let hash = bytes.filter_map(|byte| u8::try_from(byte).ok()).collect();
        Ok(Self { service, position: Position { feed_id: (*feed).to_owned(), number, hash } })
    }
}

/// The text to keep.
fn to_keep(service: Service, head: &Position) -> String {
    let mut text = format!("{}:{}:{}:", service.name(), head.feed_id, head.number);
    for byte in &head.hash {
        let _ = write!(text, "{byte:02x}"); // writing to a String does not fail
    }
    text
}

fn lines(service: Service, report: &ChainReport) -> Vec<(String, String)> {
    let name = |text: &str| text.to_owned();
    let finding = if report.finding.is_empty() { "nothing wrong".to_owned() } else { report.finding.clone() };
    let mut lines = vec![(name("service"), service.name().to_owned()), (name("finding"), finding)];
    if report.first_bad_number > 0 {
        lines.push((name("first bad"), report.first_bad_number.to_string()));
    }
    lines.extend(report.proved.iter().map(|text| (name("proved"), text.clone())));
    lines.extend(report.not_proved.iter().map(|text| (name("not proved"), text.clone())));
    lines.extend(report.head.as_ref().map(|head| (name("keep"), to_keep(service, head))));
    lines
}

fn json(service: Service, report: &ChainReport) -> Result<Value, Failure> {
    let mut json = to_json(report)?;
    if let Some(members) = json.as_object_mut() {
        members.insert("service".to_owned(), service.name().into());
        members.insert("keep".to_owned(), report.head.as_ref().map(|head| to_keep(service, head)).into());
    }
    Ok(json)
}

/// Checks.
///
/// # Errors
/// What the server says; or that something is wrong, which is on the screen then.
pub async fn run(args: Verify, at: &mut Console) -> Result<(), Failure> {
    let services = Service::asked(args.service);
    if let Some(known) = args.known.iter().find(|known| !services.contains(&known.service)) {
        let (named, asked) = (known.service.name(), services.iter().map(|service| service.name()).collect::<Vec<_>>());
        return Err(Failure::Usage(format!("--known is of {named}, and only {} is checked", asked.join(", "))));
    }
    let mut reports = Vec::new();
    for service in services {
        let known = args.known.iter().find(|known| known.service == service).map(|known| known.position.clone());
        let (from_number, to_number) = (args.from, args.to);
        let report =
            ask!(&at.api, service, verify_chain(VerifyChainRequest { from_number, to_number, known }), |answer| answer
                .report);
        reports.push((service, report.ok_or(Failure::Contract("VerifyChainResponse"))?));
    }
    match args.shown.output {
        Output::Json => {
            let all: Vec<Value> =
                reports.iter().map(|(service, report)| json(*service, report)).collect::<Result<_, _>>()?;
            at.screen.line(&plain_json(&format!("{:#}", Value::from(all))))?;
        }
        Output::Table => {
            for (number, (service, report)) in reports.iter().enumerate() {
                at.screen.text(if number == 0 { "" } else { "\n" })?;
                at.screen.pairs(&lines(*service, report))?;
            }
        }
    }
    if reports.iter().any(|(_, report)| report.first_bad_number > 0) { Err(Failure::No) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_kept_is_read_back() {
        let position = Position {
            feed_id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
            number: 57,
            hash: (100..132).collect(),
        };

        let known: Known = to_keep(Service::Gateway, &position).parse().expect("a head");

        assert_eq!(known, Known { service: Service::Gateway, position });
        for wrong in ["", "token:a:1", "moon:a:1:00", "token:a:x:00", "token:a:1:zz", "token:a:1:00"] {
            assert!(wrong.parse::<Known>().is_err(), "{wrong}");
        }
    }
}
