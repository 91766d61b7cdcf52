//! What the last statements left behind and a later one may ask for: ROW_COUNT(), FOUND_ROWS(), LAST_INSERT_ID().
//!
//! The server reports the first in every answer. The other two are often known from it, and where not, the connection
//! that knows *owes* them: before it serves another session they are read from it and paid to their owner. A session
//! that asks on another connection gets them restored there first.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// The residue of one session.
#[derive(Clone, Debug, Default)]
pub struct Residue {
    /// ROW_COUNT().
    pub row_count: i64,
    /// FOUND_ROWS().
    pub found_rows: Held,
    /// LAST_INSERT_ID().
    pub insert_id: Held,
}

/// A number that a session has.
#[derive(Clone, Debug)]
pub enum Held {
    /// It is this.
    Known(u64),
    /// A connection knows it.
    Owed(Arc<Owed>),
    /// The connection that knew it was lost.
    Lost,
}

impl Default for Held {
    fn default() -> Self {
        Self::Known(0)
    }
}

/// A number that a connection owes a session. The connection has the other [`Arc`]; when it is the only one, nobody
/// waits for it any more.
#[derive(Debug, Default)]
pub struct Owed {
    paid: Mutex<Payment>,
    news: Notify,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Payment {
    #[default]
    Due,
    Paid(u64),
    /// The connection ended before it could be asked; the number is gone as with a lost connection.
    Lost,
}

/// A connection's promise. Dropped without [`Debt::pay`] it tells its owner that the number is lost.
#[derive(Debug)]
pub struct Debt(Arc<Owed>);

impl Held {
    /// Something that a connection knows, and its promise to tell.
    pub fn owed() -> (Self, Debt) {
        let owed = Arc::new(Owed::default());
        (Self::Owed(Arc::clone(&owed)), Debt(owed))
    }

    /// Waits until it is known; none if it is lost. Only to be called while the connection that owes it is in other hands.
    pub async fn settled(&mut self) -> Option<u64> {
        let known = match self {
            Self::Known(number) => Some(*number),
            Self::Owed(owed) => owed.settled().await,
            Self::Lost => None,
        };
        *self = known.map_or(Self::Lost, Self::Known);
        known
    }

    /// Whether nobody knows it any more.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost)
    }
}

impl Owed {
    async fn settled(&self) -> Option<u64> {
        loop {
            let news = self.news.notified();
            match self.payment() {
                Payment::Paid(number) => return Some(number),
                Payment::Lost => return None,
                Payment::Due => news.await,
            }
        }
    }

    fn payment(&self) -> Payment {
        *self.paid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, payment: Payment) {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if *paid == Payment::Due {
            *paid = payment;
        }
        drop(paid);
        self.news.notify_waiters();
    }
}

impl Debt {
    /// Whether anybody still waits for it.
    pub fn matters(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Whether this is what is promised.
    pub fn is(&self, owed: &Arc<Owed>) -> bool {
        Arc::ptr_eq(&self.0, owed)
    }

    /// Here it is.
    pub fn pay(self, number: u64) {
        self.0.settle(Payment::Paid(number));
    }
}

impl Drop for Debt {
    fn drop(&mut self) {
        self.0.settle(Payment::Lost);
    }
}

/// Most rows whose count can be made again on another connection: it takes the server that many steps.
pub const MOST_ROWS: i64 = 1_000_000;

/// Most rows that are sent to make FOUND_ROWS() again; a statement that counts without sending names a table, which clears
/// the diagnostics area.
const MOST_SENT: u64 = 100;

/// The statement that leaves exactly this ROW_COUNT() and FOUND_ROWS() behind (10.11), for every account and without a
/// schema: affected rows of a compound statement add up, and a derived table counts without being sent.
pub fn recipe(row_count: i64, found_rows: u64) -> Vec<String> {
    let counted = |into: &str, limit: u8| {
        format!(
            "SELECT SQL_CALC_FOUND_ROWS 1{into} FROM JSON_TABLE(CONCAT('[0',REPEAT(',0',{}),']'),'$[*]' \
             COLUMNS(a FOR ORDINALITY)) x LIMIT {limit}",
            found_rows.saturating_sub(1)
        )
    };
    let counting = match found_rows {
        0 | 1 => format!("SELECT 1 LIMIT {found_rows}"),
        2..=MOST_SENT => {
            format!("SELECT 1{} LIMIT {found_rows}", " UNION ALL SELECT 1".repeat(found_rows as usize - 1))
        }
        _ => counted("", 0),
    };
    match row_count {
        ..0 => vec![counting],
        0 => vec![counting, "DO 0".to_owned()],
        1.. => {
            let last = if found_rows == 0 { "SELECT 1 INTO v".to_owned() } else { counted(" INTO v", 1) };
            vec![format!(
                "BEGIN NOT ATOMIC DECLARE v INT; DECLARE i BIGINT DEFAULT {row_count}; \
                 WHILE i > 1 DO SELECT 1 INTO v; SET i = i - 1; END WHILE; {last}; END"
            )]
        }
    }
}

/// The statement that leaves this ROW_COUNT() behind and FOUND_ROWS() as it is; none for counts of rows.
pub fn row_count_recipe(row_count: i64) -> Option<&'static str> {
    match row_count {
        ..0 => Some("SHOW WARNINGS"),
        0 => Some("DO 0"),
        1.. => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_debt_that_is_paid_is_known_to_its_owner() {
        let (mut held, debt) = Held::owed();
        assert!(debt.matters());
        debt.pay(7);
        assert_eq!(held.settled().await, Some(7));
        assert!(matches!(held, Held::Known(7)));
    }

    #[tokio::test]
    async fn a_debt_of_a_connection_that_ended_is_lost() {
        let (mut held, debt) = Held::owed();
        drop(debt);
        assert_eq!(held.settled().await, None);
        assert!(held.is_lost());
    }

    #[test]
    fn nobody_waits_for_what_a_session_has_again() {
        let (held, debt) = Held::owed();
        drop(held);
        assert!(!debt.matters());
    }

    #[test]
    fn each_pair_of_counts_has_a_recipe() {
        assert_eq!(recipe(-1, 0), ["SELECT 1 LIMIT 0"]);
        assert_eq!(recipe(0, 0), ["SELECT 1 LIMIT 0", "DO 0"]);
        assert!(recipe(3, 0)[0].ends_with("SELECT 1 INTO v; END"));
        assert!(recipe(3, 9)[0].contains("REPEAT(',0',8)"));
        assert_eq!(recipe(-1, 3), ["SELECT 1 UNION ALL SELECT 1 UNION ALL SELECT 1 LIMIT 3"]);
        assert!(recipe(-1, 101)[0].contains("REPEAT(',0',100)"));
    }
}
