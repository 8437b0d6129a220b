//! One direction of a connection.

use std::collections::VecDeque;
use std::task::Waker;

use super::HostId;

/// How many bytes may be under way or unread: what a socket's buffers hold.
const WINDOW: usize = 64 * 1024;

/// A piece under way.
#[derive(Debug)]
pub enum Segment {
    /// Bytes.
    Bytes(Vec<u8>),
    /// The writer has closed its side.
    End,
    /// The connection is no more.
    Reset,
}

/// One direction of a connection.
#[derive(Debug)]
pub struct Pipe {
    /// The writer's host.
    pub from: HostId,
    /// The reader's.
    pub to: HostId,
    flying: VecDeque<(u64, Segment)>,
    arrived: VecDeque<u8>,
    held: usize,
    ended: bool,
    reset: bool,
    /// The machine that wrote went off and never said that it ended. Once it is on again it knows of no such connection.
    silent: bool,
    writer_gone: bool,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    /// An empty one.
    pub fn new(from: HostId, to: HostId) -> Self {
        Self {
            from,
            to,
            flying: VecDeque::new(),
            arrived: VecDeque::new(),
            held: 0,
            ended: false,
            reset: false,
            silent: false,
            writer_gone: false,
            reader_gone: false,
            reader: None,
            writer: None,
        }
    }

    /// Puts a piece on its way.
    pub fn push(&mut self, due: u64, segment: Segment) {
        if self.silent && !matches!(segment, Segment::Reset) {
            return;
        }
        if let Segment::Bytes(bytes) = &segment {
            self.held += bytes.len();
        }
        self.flying.push_back((due, segment));
    }

    /// When the last piece arrives.
    pub fn last_due(&self) -> u64 {
        self.flying.back().map_or(0, |(due, _)| *due)
    }

    /// How many bytes the writer may write now.
    pub fn room(&self) -> usize {
        WINDOW.saturating_sub(self.held)
    }

    /// Moves what is due to the reader. True if bytes came for a reader that is gone.
    pub fn deliver(&mut self, now: u64, wake: &mut Vec<Waker>) -> bool {
        let mut refused = false;
        while self.flying.front().is_some_and(|(due, _)| *due <= now) {
            match self.flying.pop_front() {
                Some((_, Segment::Bytes(bytes))) if self.reader_gone => {
                    self.held -= bytes.len();
                    refused = true;
                }
                Some((_, Segment::Bytes(bytes))) => self.arrived.extend(bytes),
                Some((_, Segment::End)) => self.ended = true,
                Some((_, Segment::Reset)) => self.reset = true,
                None => {}
            }
            wake.extend(self.reader.take());
        }
        refused
    }

    /// What the reader takes, at most `most` bytes; `None` if it must wait, nothing if the stream has ended.
    pub fn take(&mut self, most: usize, waker: &Waker) -> Option<(Vec<u8>, Option<Waker>)> {
        if self.arrived.is_empty() && !self.ended {
            self.reader = Some(waker.clone());
            return None;
        }
        let bytes: Vec<u8> = self.arrived.drain(..most.min(self.arrived.len())).collect();
        self.held -= bytes.len();
        Some((bytes, self.writer.take()))
    }

    /// Wakes the writer once there is room.
    pub fn wait_for_room(&mut self, waker: &Waker) {
        self.writer = Some(waker.clone());
    }

    /// Whether the reader was told that the connection is no more.
    pub fn is_reset(&self) -> bool {
        self.reset
    }

    /// Takes the writer's waker, to tell it of a reset.
    pub fn writer_waker(&mut self) -> Option<Waker> {
        self.writer.take()
    }

    /// The connection is no more, at once.
    pub fn break_off(&mut self, wake: &mut Vec<Waker>) {
        self.reset = true;
        self.flying.clear();
        wake.extend(self.reader.take());
        wake.extend(self.writer.take());
    }

    /// The writer's machine went off: what is on its way arrives, and nothing after it.
    pub fn silence(&mut self) {
        self.silent = true;
    }

    /// The writer let go.
    pub fn leave_writing(&mut self, due: u64) {
        self.push(due, Segment::End);
        self.writer_gone = true;
        self.writer = None;
    }

    /// The reader let go.
    pub fn leave_reading(&mut self) {
        self.reader_gone = true;
        self.reader = None;
        self.held -= self.arrived.len();
        self.arrived.clear();
    }

    /// Nobody writes, nobody reads, nothing is under way.
    pub fn is_dead(&self) -> bool {
        self.reader_gone && self.writer_gone && self.flying.is_empty()
    }
}
