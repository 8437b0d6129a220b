//! Lists: asked for page by page as they are read, and shown as they come.

use std::future::Future;

use clap::Args;

use super::record::Row;
use super::{Output, Screen, plain_json, table};
use crate::admin::failure::Failure;

/// The most that a page holds (AIP-158).
const PAGE: u32 = 1_000;

/// How much of a list is asked for.
#[derive(Args, Clone, Copy, Debug)]
pub struct Limit {
    /// Show at most so many; all if left out.
    #[arg(long, value_name = "N")]
    pub limit: Option<u32>,
}

/// A page to ask for.
#[derive(Clone, Debug)]
pub struct Page {
    /// `page_size`
    pub size: i32,
    /// `page_token`
    pub token: String,
}

/// Writes a list as its pages come.
pub struct Listing<'a> {
    screen: &'a mut Screen,
    output: Output,
    widths: Vec<u16>,
    shown: u32,
}

impl<'a> Listing<'a> {
    /// Begins a list.
    pub fn new(screen: &'a mut Screen, output: Output) -> Self {
        Self { screen, output, widths: Vec::new(), shown: 0 }
    }

    /// Writes a list that came whole.
    ///
    /// # Errors
    /// If the screen fails.
    pub fn whole<R: Row>(mut self, records: &[R]) -> Result<(), Failure> {
        self.page(records)?;
        self.end()
    }

    /// Asks for pages until there are no more, or `limit` is reached, and writes each as it comes. No page is asked for before
    /// the one in front of it is written.
    ///
    /// # Errors
    /// What `ask` says, or if the screen fails. What was written stays.
    pub async fn run<R, F>(mut self, limit: Limit, mut ask: impl FnMut(Page) -> F) -> Result<(), Failure>
    where
        R: Row,
        F: Future<Output = Result<(Vec<R>, String), Failure>>,
    {
        let mut token = String::new();
        loop {
            let left = limit.limit.map(|limit| limit.saturating_sub(self.shown));
            if left == Some(0) {
                break;
            }
            let size = i32::try_from(left.unwrap_or(PAGE).min(PAGE)).unwrap_or(i32::MAX);
            let (mut records, next) = ask(Page { size, token }).await?;
            records.truncate(left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX));
            self.page(&records)?;
            if next.is_empty() {
                break;
            }
            token = next;
        }
        self.end()
    }

    /// Writes some more lines.
    ///
    /// # Errors
    /// If the screen fails.
    pub fn page<R: Row>(&mut self, records: &[R]) -> Result<(), Failure> {
        match self.output {
            Output::Table => {
                let header = (self.shown == 0).then_some(R::COLUMNS);
                let rows: Vec<_> = records.iter().map(Row::cells).collect();
                self.screen.text(&table::page(header.filter(|_| !rows.is_empty()), &rows, &mut self.widths))?;
                self.shown = self.shown.saturating_add(u32::try_from(rows.len()).unwrap_or(u32::MAX));
            }
            Output::Json => {
                for record in records {
                    let before = if self.shown == 0 { "[\n" } else { ",\n" };
                    let json = record.json()?;
                    self.screen.text(&format!("{before}{}", plain_json(&format!("{json:#}"))))?;
                    self.shown = self.shown.saturating_add(1);
                }
            }
        }
        Ok(())
    }

    fn end(self) -> Result<(), Failure> {
        match (self.output, self.shown) {
            (Output::Table, 0) => self.screen.note("nothing to list"),
            (Output::Table, _) => Ok(()),
            (Output::Json, 0) => self.screen.line("[]"),
            (Output::Json, _) => self.screen.text("\n]\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use passgate_proto::identity::v1::Group;

    use super::super::testing;
    use super::*;

    /// Pages of two groups each, `pages` of them; counts how often it is asked.
    fn ask(
        pages: u32,
        asked: &Cell<u32>,
    ) -> impl FnMut(Page) -> std::future::Ready<Result<(Vec<Group>, String), Failure>> {
        move |page| {
            let number = page.token.parse::<u32>().unwrap_or(0);
            asked.set(asked.get() + 1);
            let group =
                |at: u32| Group { id: format!("{}", number * 2 + at), name: "g".to_owned(), ..Group::default() };
            let next = if number + 1 < pages { (number + 1).to_string() } else { String::new() };
            std::future::ready(Ok((vec![group(0), group(1)], next)))
        }
    }

    #[tokio::test]
    async fn pages_are_asked_for_until_there_are_no_more() {
        let (mut screen, out, _) = testing::screen(None);
        let asked = Cell::new(0);

        Listing::new(&mut screen, Output::Json).run(Limit { limit: None }, ask(3, &asked)).await.expect("a list");

        let list: Vec<serde_json::Value> = serde_json::from_str(&out.text()).expect("one JSON document");
        assert_eq!((list.len(), asked.get()), (6, 3));
    }

    #[tokio::test]
    async fn no_page_is_asked_for_beyond_the_limit() {
        let (mut screen, out, _) = testing::screen(None);
        let asked = Cell::new(0);

        Listing::new(&mut screen, Output::Table)
            .run(Limit { limit: Some(3) }, ask(1000, &asked))
            .await
            .expect("a list");

        assert_eq!((out.text().lines().count(), asked.get()), (4, 2), "a header and three: {}", out.text());
    }

    #[tokio::test]
    async fn a_list_of_nothing_is_an_empty_array_or_a_note_beside_the_answer() {
        let nothing = |_| std::future::ready(Ok((Vec::<Group>::new(), String::new())));
        let (mut screen, out, aside) = testing::screen(None);

        Listing::new(&mut screen, Output::Table).run(Limit { limit: None }, nothing).await.expect("a list");
        assert_eq!((out.text().as_str(), aside.text().as_str()), ("", "nothing to list\n"));

        Listing::new(&mut screen, Output::Json).run(Limit { limit: None }, nothing).await.expect("a list");
        assert_eq!(out.text(), "[]\n");
    }
}
