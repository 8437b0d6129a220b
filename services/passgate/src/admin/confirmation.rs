//! Confirmed changes: waiting until everybody who decides has acknowledged, and saying so in a sentence.

use clap::Args;
use passgate_proto::r#type::v1::Confirmation;

use super::failure::Failure;
use super::screen::Screen;
use super::values::{duration, when};

/// The flag of every verb that takes something away.
#[derive(Args, Clone, Debug)]
pub struct Wait {
    /// How long to wait until every gateway says that it refuses; 0s does not wait. The change is made either way.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub confirm_within: prost_types::Duration,
}

/// Says who has acknowledged a change.
///
/// # Errors
/// Fails if the screen does.
pub fn tell(screen: &mut Screen, confirmation: Option<&Confirmation>) -> Result<(), Failure> {
    let Some(confirmation) = confirmation else {
        return Ok(());
    };
    sentences(confirmation).iter().try_for_each(|line| screen.note(line))
}

fn sentences(confirmation: &Confirmation) -> Vec<String> {
    let done = confirmation.acknowledged.len();
    let all = done + confirmation.missing.len();
    let took = humantime::format_duration(span(confirmation.took.as_ref()));
    let mut lines = match (confirmation.complete, all) {
        (true, 0) => vec!["no gateway keeps decisions: it is refused everywhere from now on".to_owned()],
        (true, _) => vec![format!("refused at {done} of {all} gateways after {took}")],
        (false, 0) => vec!["the change is made, but nothing is known of the gateways".to_owned()],
        (false, _) => vec![format!("refused at {done} of {all} gateways after {took}; not heard from:")],
    };
    for missing in &confirmation.missing {
        let (heard, end) = (when(missing.last_heard_time.as_ref()), when(missing.lease_end_time.as_ref()));
        lines.push(format!("  {}: last heard {heard}, allows nothing from memory after {end}", missing.decider));
    }
    if let (false, Some(by)) = (confirmation.complete, confirmation.cut_off_by.as_ref()) {
        lines.push(format!("no gateway allows it later than {}", when(Some(by))));
    }
    lines
}

/// A length of time, in whole milliseconds: nobody reads more.
pub fn span(length: Option<&prost_types::Duration>) -> std::time::Duration {
    let length = length.and_then(|length| std::time::Duration::try_from(*length).ok()).unwrap_or_default();
    let millis = u64::try_from(length.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
    std::time::Duration::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use passgate_proto::r#type::v1::confirmation::{Acknowledgement, Missing};
    use prost_types::{Duration, Timestamp};

    use super::*;

    fn acknowledged(count: usize) -> Vec<Acknowledgement> {
        vec![Acknowledgement::default(); count]
    }

    #[test]
    fn when_every_gateway_has_acknowledged_one_sentence_says_so() {
        let took = Some(Duration { seconds: 0, nanos: 3_500_000 });
        let all = Confirmation { complete: true, acknowledged: acknowledged(3), took, ..Confirmation::default() };

        assert_eq!(sentences(&all), ["refused at 3 of 3 gateways after 4ms"]);
    }

    #[test]
    fn who_was_not_heard_from_is_named_with_the_time_by_which_it_is_cut_off() {
        let time = |seconds| Some(Timestamp { seconds, nanos: 0 });
        let missing = Missing {
            decider: "gateway-2".to_owned(),
            last_heard_time: time(1_800_000_000),
            lease_end_time: time(1_800_000_010),
        };
        let some = Confirmation {
            acknowledged: acknowledged(2),
            missing: vec![missing],
            took: Some(Duration { seconds: 5, nanos: 0 }),
            cut_off_by: time(1_800_000_015),
            ..Confirmation::default()
        };

        assert_eq!(
            sentences(&some),
            [
                "refused at 2 of 3 gateways after 5s; not heard from:",
                "  gateway-2: last heard 2027-01-15T08:00:00Z, allows nothing from memory after 2027-01-15T08:00:10Z",
                "no gateway allows it later than 2027-01-15T08:00:15Z",
            ]
        );
    }

    #[test]
    fn no_gateway_and_no_knowledge_are_told_apart() {
        let none = Confirmation { complete: true, ..Confirmation::default() };

        assert_ne!(sentences(&none), sentences(&Confirmation::default()));
    }
}
