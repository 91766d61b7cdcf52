//! Label values as enums: the reason that the code works with *is* what an operator sees.
//!
//! The enum lives in the module whose reasons it names; [`label!`](crate::label!) makes it usable here.

use std::marker::PhantomData;

use metrics::{Counter, Gauge};

/// An enum whose variants are the values of one label.
///
/// Implemented with [`label!`](crate::label!), which keeps the three items consistent.
pub trait Label: Copy + 'static {
    /// Every variant, each at the position that its [`index`](Label::index) gives.
    const ALL: &'static [Self];

    /// The value as scraped: lower case, words joined by `_`.
    fn label(self) -> &'static str;

    /// Position in [`ALL`](Label::ALL).
    fn index(self) -> usize;
}

/// Implements [`Label`](crate::telemetry::Label) for a fieldless enum; every variant is listed, in declaration order.
///
/// ```
/// #[derive(Clone, Copy)]
/// enum Outcome { Applied, Refused }
/// sealock::label!(Outcome { Applied => "applied", Refused => "refused" });
/// ```
#[macro_export]
macro_rules! label {
    ($type:ty { $($variant:ident => $value:literal),+ $(,)? }) => {
        impl $crate::telemetry::Label for $type {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $value,)+
                }
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

/// One handle for each value of a label, resolved ahead: using one costs an array access.
#[derive(Clone)]
pub struct Family<L, H = Counter> {
    handles: Box<[H]>,
    label: PhantomData<fn(L)>,
}

impl<L: Label, H> Family<L, H> {
    /// Resolves a handle for every value.
    pub(super) fn resolve(handle: impl FnMut(L) -> H) -> Self {
        debug_assert!(L::ALL.iter().enumerate().all(|(i, label)| label.index() == i), "declaration order");
        Self { handles: L::ALL.iter().copied().map(handle).collect(), label: PhantomData }
    }

    /// The handle of one value; `None` only for a [`Label`] whose `index` and `ALL` disagree.
    pub fn at(&self, label: L) -> Option<&H> {
        self.handles.get(label.index())
    }
}

impl<L: Label> Family<L, Counter> {
    /// Counts one.
    pub fn increment(&self, label: L) {
        self.add(label, 1);
    }

    /// Counts `by`.
    pub fn add(&self, label: L, by: u64) {
        if let Some(counter) = self.at(label) {
            counter.increment(by);
        }
    }
}

impl<L: Label> Family<L, Gauge> {
    /// Counts one thing in until the returned [`Held`] is dropped.
    pub fn hold(&self, label: L) -> Held {
        Held::new(self.at(label).cloned().unwrap_or_else(Gauge::noop))
    }

    /// Sets the gauge of one value.
    pub fn set(&self, label: L, value: f64) {
        if let Some(gauge) = self.at(label) {
            gauge.set(value);
        }
    }
}

/// One unit of a gauge, given back when dropped: a gauge kept this way cannot drift, whatever path ends its subject.
#[must_use = "the gauge falls again when this is dropped"]
pub struct Held(Gauge);

impl Held {
    /// Raises `gauge` by one.
    pub fn new(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// How a client's bytes reach the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP without TLS.
    Plaintext,
    /// TLS.
    Tls,
    /// A unix socket without TLS.
    Unix,
}

crate::label!(Transport { Plaintext => "plaintext", Tls => "tls", Unix => "unix" });

/// Which side of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Between client and proxy.
    Client,
    /// Between proxy and backend.
    Backend,
}

crate::label!(Side { Client => "client", Backend => "backend" });
