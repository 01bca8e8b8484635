//! What messages are made of beside their encoded header, and how long ones are divided.

use bytes::Bytes;

use super::{FromClient, FromWorker, Message, ToClient, ToWorker};

impl Message for ToWorker {
    fn payloads(&mut self, visit: &mut dyn FnMut(&mut Bytes)) {
        if let Self::Run(tasks) = self {
            for task in tasks {
                visit(&mut task.spec);
            }
        }
    }

    fn split_off(&mut self) -> Option<Self> {
        match self {
            Self::Run(tasks) => second_half(tasks).map(Self::Run),
            Self::Revoke(tasks) => second_half(tasks).map(Self::Revoke),
            Self::AskBack(tasks) => second_half(tasks).map(Self::AskBack),
            Self::Free(tasks) => second_half(tasks).map(Self::Free),
            Self::Copy(inputs) => second_half(inputs).map(Self::Copy),
            Self::Welcome { .. }
            | Self::Accepted { .. }
            | Self::LateAccepted { .. }
            | Self::Ping { .. }
            | Self::Shutdown => None,
        }
    }
}

impl Message for FromWorker {
    fn split_off(&mut self) -> Option<Self> {
        match self {
            Self::Reports { first, reports, results: _ } => {
                let second = second_half(reports)?;
                // All results go with the first half: they must not come after the reports.
                let (first, results) = (*first + reports.len() as u64, Vec::new());
                Some(Self::Reports { first, reports: second, results })
            }
            Self::Logs(lines) => second_half(lines).map(Self::Logs),
            Self::Sample(_)
            | Self::Has { .. }
            | Self::ClockEcho { .. }
            | Self::Retire
            | Self::Goodbye
            | Self::OutOfMemory
            | Self::Late { .. } => None,
        }
    }
}

impl Message for FromClient {
    fn payloads(&mut self, visit: &mut dyn FnMut(&mut Bytes)) {
        if let Self::Submit(submit) = self {
            visit(&mut submit.specs);
        }
    }

    fn split_off(&mut self) -> Option<Self> {
        match self {
            Self::Release(locals) => second_half(locals).map(Self::Release),
            Self::Cancel(locals) => second_half(locals).map(Self::Cancel),
            Self::Locate(locals) => second_half(locals).map(Self::Locate),
            Self::Submit(_) | Self::Marked { .. } | Self::Pong | Self::Shutdown | Self::Goodbye => {
                None
            }
        }
    }
}

impl Message for ToClient {
    fn split_off(&mut self) -> Option<Self> {
        match self {
            Self::Ended(ends) => second_half(ends).map(Self::Ended),
            Self::Welcome { .. }
            | Self::Accepted { .. }
            | Self::Ping
            | Self::Rejected { .. }
            | Self::Closing { .. } => None,
        }
    }
}

fn second_half<T>(items: &mut Vec<T>) -> Option<Vec<T>> {
    (items.len() > 1).then(|| items.split_off(items.len() / 2))
}
