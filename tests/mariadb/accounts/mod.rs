//! Accounts as the server's own table has them: nothing about them in the configuration, the same verdicts as directly.

mod certificates;
mod estate;
mod recovered;
mod rules;
