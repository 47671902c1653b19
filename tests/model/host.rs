//! A server thread that serves one connection after another, each with the plan of its run.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use smtpclient::client::Cancel;

use crate::link::Stream;
use crate::plan::Plan;
use crate::record::Visit;
use crate::server;

struct Job {
    stream: Stream,
    plan: Arc<Plan>,
    index: usize,
    cancel: Cancel,
}

pub struct Host {
    jobs: Sender<Job>,
    visits: Receiver<Visit>,
    plan: Arc<Plan>,
}

impl Host {
    pub fn new(plan: Arc<Plan>) -> Self {
        let (jobs, waiting) = channel::<Job>();
        let (done, visits) = channel();
        thread::Builder::new()
            .name("server".to_owned())
            .spawn(move || {
                for job in waiting {
                    let visit = server::serve(job.stream, &job.plan, job.index, &job.cancel);
                    if done.send(visit).is_err() {
                        return;
                    }
                }
            })
            .expect("a thread");
        Host { jobs, visits, plan }
    }

    /// The plan of the next run.
    pub fn set_plan(&mut self, plan: Arc<Plan>) {
        self.plan = plan;
    }

    pub fn serve(&self, stream: Stream, index: usize, cancel: &Cancel) {
        let job = Job { stream, plan: Arc::clone(&self.plan), index, cancel: cancel.clone() };
        self.jobs.send(job).expect("a server thread that lives");
    }

    /// What it saw of so many connections.
    pub fn visits(&self, count: usize) -> Vec<Visit> {
        (0..count).map(|_| self.visits.recv().expect("a server thread that lives")).collect()
    }
}
