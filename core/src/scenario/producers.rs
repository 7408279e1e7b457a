//! Producers, and the programs that call them.

use crate::bridge::Habit;

use super::load::Load;
use super::written::{Properties, words, written};

written! {
    /// A producer and the threads that call it.
    pub struct ProducerSetup {
        /// Its settings, by the Java client's keys: what differs from the defaults.
        properties: Properties = Properties::default(), ProducerSettings;
        /// The program's threads.
        callers: Vec<Caller> = Vec::new(), Items(0, 20);
    }
}

written! {
    /// A thread of the program: it sends its loads one after the other.
    pub struct Caller {
        /// What it does with the future that send() returns.
        habit: Habit = Habit::Get;
        /// When it begins, in virtual microseconds.
        start_us: u64 = 0, Between(0, 86_400_000_000);
        /// What it takes for itself between two calls of send(), in microseconds.
        pace_us: u64 = 0, Between(0, 3_600_000_000);
        /// So many threads like it share the loads: record i is sent by thread i mod threads.
        threads: u32 = 1, Between(1, 64);
        /// What it sends.
        loads: Vec<Load> = Vec::new(), Items(0, 50);
        /// What its callbacks do.
        callback: InCallback = InCallback::default();
        /// How often it hands a record whose send failed to send() again, as a loop around send() would.
        sends_again: u32 = 0, Between(0, 100);
        /// What it does when all is sent.
        then: Then = Then::default();
    }
}

written! {
    /// What a callback does, on the sender's thread.
    pub enum InCallback {
        /// Nothing that takes time.
        Return "return" {}
        /// It sleeps.
        Sleep "sleep" {
            /// How long, in microseconds.
            for_us: u64 = 200_000, Between(0, 3_600_000_000);
        }
        /// It sends one more record, like the one it is about.
        Send "send" {
            /// In so many generations: a callback of a record that a callback sent counts as the next.
            generations: u32 = 1, Between(1, 1_000);
        }
        /// It calls get() on a future of the same producer.
        Get "get" {}
        /// It calls flush().
        Flush "flush" {}
        /// It throws.
        Throw "throw" {}
    }
}

written! {
    /// What a thread does when all is sent.
    pub enum Then {
        /// It lives on, and its producer with it.
        Stay "stay" {}
        /// It calls flush().
        Flush "flush" {}
        /// It calls close().
        Close "close" {
            /// With this patience, in microseconds; absent: without end.
            timeout_us: Option<u64> = None, Between(0, 86_400_000_000);
        }
        /// The process ends, without flush() or close().
        Exit "exit" {}
    }
}

words! {
    /// What a program does with the future that send() returns.
    Habit as ("Habit") {
        /// It waits: send(record).get().
        Get "get"
        /// It goes on, and a callback runs later: send(record, callback).
        Callback "callback"
        /// It never looks: send(record).
        Forget "forget"
    }
}
